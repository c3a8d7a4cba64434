"""Who wants a SAML response, and where it goes: AuthnRequests, and sign-ins that begin at the provider."""

from __future__ import annotations

import re
import zlib
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from urllib.parse import urlsplit

from eksauth.sandbox.aws.federation.saml_idp import RECIPIENT
from eksauth.sandbox.aws.federation.xml_input import PROTOCOL, parse_xml

_LOOPBACK = frozenset(["127.0.0.1", "::1", "localhost"])
_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,255}", re.ASCII)
_LARGEST = 64 << 10
_LONGEST_STATE = 2048


@dataclass(frozen=True)
class SignInRequest:
    """What a sign-in is for.

    :param saml_request: the AuthnRequest, as the HTTP-POST binding encodes it; empty when there was none.
    :param request_id: its id, which the response names.
    :param target: the URL that gets the response.
    """

    target: str
    relay_state: str = ""
    saml_request: str = ""
    request_id: str | None = None


def read_sign_in_request(values: dict[str, str], *, deflated: bool) -> SignInRequest:
    """Read the parameters ``SAMLRequest``, ``RelayState`` and ``acs``.

    The response goes where the AuthnRequest says, else to ``acs``, else to a RelayState that is a URL, else to AWS.
    Only AWS's endpoint and pages on this machine get one.

    :param deflated: whether SAMLRequest is deflated, as in the HTTP-Redirect binding.
    :raises ValueError: with the reason.
    """
    relay_state, encoded = values.get("RelayState", ""), values.get("SAMLRequest", "")
    if len(relay_state) > _LONGEST_STATE:
        raise ValueError("RelayState is too long")
    request_id: str | None = None
    target = ""
    if encoded:
        raw = _decoded(encoded, deflated=deflated)
        encoded = b64encode(raw).decode()
        request_id, target = _authn_request(raw)
    target = target or values.get("acs", "") or (relay_state if _is_here(relay_state) else "") or RECIPIENT
    if target != RECIPIENT and not _is_here(target):
        raise ValueError("the response may go to AWS or to a page on this machine only")
    return SignInRequest(target, relay_state, encoded, request_id)


def _decoded(encoded: str, *, deflated: bool) -> bytes:
    try:
        raw = b64decode("".join(encoded.split()), validate=True)
        inflater = zlib.decompressobj(-15)
        inflated = inflater.decompress(raw, _LARGEST) if deflated else raw
    except (ValueError, Base64Error, zlib.error):
        raise ValueError("SAMLRequest is not what its binding says") from None
    if deflated and not inflater.eof:
        raise ValueError("SAMLRequest is too large or cut off")
    return inflated


def _authn_request(raw: bytes) -> tuple[str, str]:
    root = parse_xml(raw)
    request_id, target = root.get("ID") or "", root.get("AssertionConsumerServiceURL") or ""
    if root.tag != f"{{{PROTOCOL}}}AuthnRequest" or not _ID.fullmatch(request_id):
        raise ValueError("SAMLRequest is no AuthnRequest with an ID")
    return request_id, target


def _is_here(url: str) -> bool:
    # a URL of unusual letters or with a user name may read differently to a browser
    if not url.isascii() or not url.isprintable() or set(url) & set(" \\;,'\"<>"):
        return False
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and parts.hostname in _LOOPBACK and port != 0 and "@" not in parts.netloc
