"""A SAML identity provider: its key, its people, and the responses that it signs."""

from __future__ import annotations

import hmac
import secrets
import time
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from lxml import etree
from lxml.builder import ElementMaker
from signxml.algorithms import CanonicalizationMethod
from signxml.signer import XMLSigner

from eksauth.sandbox.aws.federation.saml_assertion import ATTRIBUTES, AUDIENCE
from eksauth.sandbox.aws.federation.saml_metadata import write_metadata
from eksauth.sandbox.aws.federation.xml_input import NAMES, PROTOCOL, SAML

ENTITY_ID = "https://idp.sandbox.example/saml"
RECIPIENT = "https://signin.aws.amazon.com/saml"
_LIFE_SECONDS = 300
_PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
_BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
_SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
_PASSWORD = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"


@dataclass(frozen=True)
class SamlPerson:
    """Somebody who can sign in.

    :param roles: (role ARN, provider ARN) that the assertion offers.
    :param tags: principal tags.
    """

    user_name: str
    email: str
    password: str = field(repr=False)
    roles: tuple[tuple[str, str], ...] = ()
    tags: tuple[tuple[str, str], ...] = ()


@dataclass
class SamlIdp:
    """The provider of a sandbox.

    :param base_url: of the endpoint, without a slash at the end.
    """

    base_url: str = "https://127.0.0.1:8443"
    people: dict[str, SamlPerson] = field(default_factory=dict)
    session_duration: int | None = None
    _pair: tuple[rsa.RSAPrivateKey, x509.Certificate] | None = field(default=None, repr=False)

    @property
    def sign_in_url(self) -> str:
        """Return the page where people sign in."""
        return f"{self.base_url}/saml/idp"

    @property
    def certificate(self) -> x509.Certificate:
        """Return the certificate that the responses verify with."""
        return self._keys()[1]

    def metadata(self) -> str:
        """Return the provider's metadata document."""
        der = self.certificate.public_bytes(Encoding.DER)
        return write_metadata(ENTITY_ID, b64encode(der).decode(), self.sign_in_url)

    def sign_in(self, user_name: str, password: str) -> SamlPerson | None:
        """Return the person, or None when name or password is wrong."""
        person = self.people.get(user_name.strip().lower())
        expected = person.password if person is not None else secrets.token_urlsafe(16)
        good = hmac.compare_digest(expected.encode(), password.encode("utf-8", "surrogateescape"))
        return person if good else None

    def response(
        self, person: SamlPerson, *, now: float, request_id: str | None = None, changes: dict[str, Any] | None = None
    ) -> str:
        """Return a signed response for AWS, in base64.

        :param request_id: the AuthnRequest that it answers; None for a sign-in that began here.
        :param changes: for tests of refusals: ``recipient``, ``audience``, ``issuer``, ``issued_at``, ``seconds``,
            ``name_id``, ``attributes`` (name below AWS's prefix -> values).
        """
        document = _unsigned(person, now, request_id, changes or {}, self.session_duration)
        return self.signed(document)

    def signed(self, document: Any, *, whole: bool = False) -> str:
        """Sign the assertion of a response, or the whole of it, and return the response in base64."""
        key, certificate = self._keys()
        signer = XMLSigner(c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0)
        pem = certificate.public_bytes(Encoding.PEM).decode()
        target = document if whole else document.find("saml:Assertion", NAMES)
        signed = signer.sign(target, key=key, cert=pem, reference_uri=target.get("ID"), id_attribute="ID")
        # the schema wants the signature right behind the issuer
        signature = signed.find("ds:Signature", NAMES)
        signed.remove(signature)
        signed.insert(1, signature)
        if not whole:
            document.replace(target, signed)
            signed = document
        return b64encode(etree.tostring(signed)).decode()

    def _keys(self) -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
        if self._pair is None:
            self._pair = _new_pair()
        return self._pair


def _new_pair() -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "eksauth sandbox SAML")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    return key, certificate


def _unsigned(
    person: SamlPerson, now: float, request_id: str | None, changes: dict[str, Any], session_duration: int | None
) -> Any:
    issued = float(changes.get("issued_at", now))
    begins, ends = _iso(issued - 30), _iso(issued + int(changes.get("seconds", _LIFE_SECONDS)))
    issuer = str(changes.get("issuer", ENTITY_ID))
    recipient = str(changes.get("recipient", RECIPIENT))
    confirmed = {"NotOnOrAfter": ends, "Recipient": recipient} | ({"InResponseTo": request_id} if request_id else {})
    saml = ElementMaker(namespace=SAML, nsmap={"saml": SAML})
    protocol = ElementMaker(namespace=PROTOCOL, nsmap={"samlp": PROTOCOL, "saml": SAML})
    assertion = saml.Assertion(
        saml.Issuer(issuer),
        saml.Subject(
            saml.NameID(str(changes.get("name_id", person.email)), Format=str(changes.get("format", _PERSISTENT))),
            saml.SubjectConfirmation(saml.SubjectConfirmationData(**confirmed), Method=_BEARER),
        ),
        saml.Conditions(
            saml.AudienceRestriction(saml.Audience(str(changes.get("audience", AUDIENCE)))),
            NotBefore=begins,
            NotOnOrAfter=ends,
        ),
        saml.AuthnStatement(
            saml.AuthnContext(saml.AuthnContextClassRef(_PASSWORD)),
            AuthnInstant=_iso(issued),
            SessionIndex=_new_id(),
            **({"SessionNotOnOrAfter": _iso(float(changes["session_end"]))} if "session_end" in changes else {}),
        ),
        saml.AttributeStatement(
            *(
                saml.Attribute(*(saml.AttributeValue(value) for value in values), Name=ATTRIBUTES + name)
                for name, values in _attributes(person, changes, session_duration).items()
            )
        ),
        ID=_new_id(),
        Version="2.0",
        IssueInstant=_iso(issued),
    )
    attributes = {"ID": _new_id(), "Version": "2.0", "IssueInstant": _iso(issued), "Destination": recipient}
    if request_id:
        attributes["InResponseTo"] = request_id
    return protocol.Response(
        saml.Issuer(issuer),
        protocol.Status(protocol.StatusCode(Value=str(changes.get("status", _SUCCESS)))),
        assertion,
        **attributes,
    )


def _attributes(person: SamlPerson, changes: dict[str, Any], session_duration: int | None) -> dict[str, Sequence[str]]:
    found: dict[str, Sequence[str] | None] = {
        "Role": [f"{role},{provider}" for role, provider in person.roles],
        "RoleSessionName": [person.email],
    }
    if session_duration is not None:
        found["SessionDuration"] = [str(session_duration)]
    found |= {f"PrincipalTag:{key}": [value] for key, value in person.tags}
    found |= changes.get("attributes", {})
    return {name: values for name, values in found.items() if values is not None}


def _new_id() -> str:
    return "_" + secrets.token_hex(16)


def _iso(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
