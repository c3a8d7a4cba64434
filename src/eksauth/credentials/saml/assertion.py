"""What a SAML response says, read without checking its signature.

Only STS, which has the identity provider's certificate, can tell whether any of it is true. Here it serves to find the
role that was asked for, and to explain a refusal. The document may be written by anybody: no entities, no document
type, bounded size and depth. The IAM User Guide lists the attributes ("Configure SAML assertions").
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from xml.parsers import expat

from eksauth.credentials.timestamps import epoch_of
from eksauth.errors import CredentialsError

MAX_BASE64_CHARS = 100_000
"""Of ``SAMLAssertion`` in STS's AssumeRoleWithSAML."""
_MAX_DEPTH = 64
_MAX_ROLES = 2000
_ASSERTION = "urn:oasis:names:tc:SAML:2.0:assertion"
_PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol"
_SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
_ATTRIBUTES = "https://aws.amazon.com/SAML/Attributes/"
_LEEWAY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class OfferedRole:
    """A role that the identity provider lets this person take, and the IAM identity provider that vouches for it."""

    role_arn: str
    provider_arn: str


@dataclass(frozen=True, slots=True)
class UnverifiedResponse:
    """A response's content; texts of somebody else, fit to be shown.

    :ivar roles: in the document's order, each once.
    :ivar session_seconds: attribute SessionDuration, or None.
    :ivar redeem_until: the earliest NotOnOrAfter, seconds since the epoch, or None.
    :ivar encrypted: the assertion is encrypted, so nothing but the status can be read.
    """

    issuer: str
    status: str
    roles: tuple[OfferedRole, ...]
    session_name: str
    session_seconds: int | None
    redeem_until: float | None
    audiences: tuple[str, ...]
    encrypted: bool


def as_base64(data: bytes, what: str) -> str:
    """Return a response as STS takes it, from either the document itself or its base64 form.

    :param what: whose response it is, for messages: "provider 'corp'".
    :raises CredentialsError: when it is neither, or longer than STS takes.
    """
    text = data.strip()
    if text.startswith((b"<", b"\xef\xbb\xbf<")):
        encoded = base64.b64encode(text.removeprefix(b"\xef\xbb\xbf")).decode()
    else:
        try:
            encoded = b"".join(text.split()).decode("ascii")
            base64.b64decode(encoded, validate=True)
        except (UnicodeDecodeError, binascii.Error, ValueError):
            encoded = ""
    if not encoded:
        raise CredentialsError(
            f"what {what} gives is no SAML response",
            hint="it is an XML document, or that in base64, as the browser posts it in SAMLResponse",
            code="saml.not_a_response",
        )
    if len(encoded) > MAX_BASE64_CHARS:
        raise CredentialsError(
            f"the SAML response of {what} has {len(encoded)} characters; STS takes {MAX_BASE64_CHARS}",
            hint="have the identity provider send fewer roles or attributes",
            code="saml.too_long",
        )
    return encoded


def read_unverified(encoded: str, what: str) -> UnverifiedResponse:
    """Take a response apart.

    :param encoded: as :func:`as_base64` returns it.
    :raises CredentialsError: when it is no SAML response.
    """
    reader = _Reader()
    try:
        document = base64.b64decode(encoded, validate=True)
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = reader.start
        parser.EndElementHandler = reader.end
        parser.CharacterDataHandler = reader.text
        parser.StartDoctypeDeclHandler = reader.refuse
        parser.EntityDeclHandler = reader.refuse
        parser.ExternalEntityRefHandler = reader.refuse
        parser.Parse(document, True)  # noqa: FBT003  the parser takes no name for it
    except _Hostile:
        raise CredentialsError(
            f"the SAML response of {what} declares entities or is nested too deeply, which no identity provider does",
            code="saml.hostile",
        ) from None
    except (expat.ExpatError, ValueError, LookupError):
        raise CredentialsError(
            f"the SAML response of {what} is not well-formed XML", code="saml.not_a_response"
        ) from None
    if reader.root != f"{_PROTOCOL} Response":
        raise CredentialsError(
            f"what {what} gives is XML, but no SAML 2.0 response",
            hint="STS takes the whole response, not the assertion alone",
            code="saml.not_a_response",
        )
    return reader.result()


def check_unverified(encoded: str, *, what: str, now: float) -> UnverifiedResponse:
    """Refuse a response that STS could only refuse: of a failed sign-in, or expired.

    :raises CredentialsError: with what it says.
    """
    response = read_unverified(encoded, what)
    if response.status != _SUCCESS:
        status = response.status.rpartition(":")[2] or "no status"
        raise CredentialsError(
            f"the identity provider of {what} did not sign you in: it says {status}",
            hint="are you assigned to the application for AWS?",
            code="saml.refused",
        )
    if response.redeem_until is not None and response.redeem_until <= now - _LEEWAY_SECONDS:
        raise CredentialsError(
            f"the SAML response of {what} had to be used within minutes and has expired",
            hint="get a new one; is this machine's clock right?",
            code="saml.expired",
        )
    return response


class _Hostile(Exception):
    pass


@dataclass
class _Reader:
    """Gathers what matters while the parser walks through."""

    path: list[str] = field(default_factory=list)
    root: str = ""
    issuer: str = ""
    status: str = ""
    values: dict[str, list[str]] = field(default_factory=dict)
    audiences: list[str] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    encrypted: bool = False
    attribute: str = ""
    gathered: list[str] | None = None

    def refuse(self, *_arguments: object) -> int:
        """Stop at a document type or an entity."""
        raise _Hostile

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Note an element."""
        if len(self.path) >= _MAX_DEPTH:
            raise _Hostile
        self.root = self.root or name
        self.path.append(name)
        space, _, local = name.rpartition(" ")
        if space == _PROTOCOL and local == "StatusCode" and not self.status:
            self.status = _shown(attributes.get("Value", ""))
        if space != _ASSERTION:
            return
        if local == "EncryptedAssertion":
            self.encrypted = True
        elif local == "Attribute":
            self.attribute = attributes.get("Name", "")
        elif local in {"Conditions", "SubjectConfirmationData"}:
            end = epoch_of(attributes.get("NotOnOrAfter", ""))
            if end is not None:
                self.ends.append(float(end))
        elif local in {"AttributeValue", "Audience", "Issuer"}:
            self.gathered = []

    def text(self, data: str) -> None:
        """Note characters, in the elements whose text matters."""
        if self.gathered is not None:
            self.gathered.append(data)

    def end(self, name: str) -> None:
        """Note what the element that ends had for text."""
        self.path.pop()
        space, _, local = name.rpartition(" ")
        if space != _ASSERTION or self.gathered is None:
            return
        value, self.gathered = "".join(self.gathered).strip(), None
        if local == "AttributeValue":
            kept = self.values.setdefault(self.attribute, [])
            if len(kept) < _MAX_ROLES:
                kept.append(value)
        elif local == "Audience":
            self.audiences.append(_shown(value))
        elif local == "Issuer":
            self.issuer = self.issuer or _shown(value)

    def result(self) -> UnverifiedResponse:
        """Return it all."""
        roles = [role for value in self.values.get(f"{_ATTRIBUTES}Role", []) if (role := _offered(value))]
        seconds = next(iter(self.values.get(f"{_ATTRIBUTES}SessionDuration", [])), "")
        name = next(iter(self.values.get(f"{_ATTRIBUTES}RoleSessionName", [])), "")
        plain = seconds.isascii() and seconds.isdigit() and len(seconds) < 9
        return UnverifiedResponse(
            issuer=self.issuer,
            status=self.status,
            roles=tuple(dict.fromkeys(roles)),
            session_name=_shown(name),
            session_seconds=int(seconds) if plain else None,
            redeem_until=min(self.ends, default=None),
            audiences=tuple(self.audiences[:5]),
            encrypted=self.encrypted,
        )


def _offered(value: str) -> OfferedRole | None:
    """Return the pair in an attribute value; identity providers write it in either order."""
    parts = [_shown(part.strip()) for part in value.split(",")]
    roles = [part for part in parts if ":role/" in part]
    providers = [part for part in parts if ":saml-provider/" in part]
    return OfferedRole(roles[0], providers[0]) if len(parts) == 2 and roles and providers else None


def _shown(text: str) -> str:
    return "".join([letter if letter.isprintable() else "?" for letter in text[:2048]])
