"""Proof keys for authorization codes (RFC 7636), and the address that asks for a code; pure but for chance."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode


@dataclass(frozen=True, slots=True)
class Proof:
    """What ties the answer in the browser to this process.

    :ivar verifier: sent when the code is redeemed, never before.
    :ivar state: comes back with the code; an answer without it is somebody else's.
    """

    verifier: str = field(repr=False)
    state: str = field(repr=False)

    @property
    def challenge(self) -> str:
        """The verifier's SHA-256, base64url without padding (section 4.2, method S256)."""
        digest = hashlib.sha256(self.verifier.encode("ascii")).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def new_proof() -> Proof:
    """Return 256 bits of chance for either part (section 7.1)."""
    return Proof(secrets.token_urlsafe(48), secrets.token_urlsafe(32))


def authorize_url(endpoint: str, client_id: str, redirect_uri: str, scopes: Sequence[str], proof: Proof) -> str:
    """Return the address that a browser opens.

    The parameter is called ``scopes``, as the AWS CLI sends it; the service has no model of this page.

    :param endpoint: base URL of the ``sso-oidc`` service.
    """
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "state": proof.state,
        "code_challenge_method": "S256",
        "code_challenge": proof.challenge,
        "scopes": " ".join(scopes),
    }
    return f"{endpoint.rstrip('/')}/authorize?{urlencode(query, quote_via=quote)}"
