"""An OpenID Connect issuer: keys, tokens, rotation."""

from __future__ import annotations

import json
import secrets
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from jwt.api_jws import PyJWS

from eksauth.sandbox.aws.federation.ci_platforms import PLATFORMS, Platform

_MOST_OLD_KEYS = 10


@dataclass(frozen=True)
class SigningKey:
    """One key pair."""

    key_id: str
    private_key: rsa.RSAPrivateKey = field(repr=False)

    def as_jwk(self) -> dict[str, Any]:
        """Return the public half as a key set shows it."""
        found = RSAAlgorithm.to_jwk(self.private_key.public_key(), as_dict=True)
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.key_id, "n": found["n"], "e": found["e"]}


@dataclass
class CiIssuer:
    """The issuer of all CI systems of the sandbox; the systems share its keys.

    :param base_url: of the endpoint, without a slash at the end.
    :param request_token: what a job shows for a token, ``ACTIONS_ID_TOKEN_REQUEST_TOKEN`` of GitHub Actions.
    :param job_claims: changes to the claims of GitHub's next tokens: another branch, another repository.
    """

    base_url: str = "https://127.0.0.1:8443"
    request_token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    job_claims: dict[str, Any] = field(default_factory=dict)
    _keys: list[SigningKey] = field(default_factory=list, repr=False)

    @property
    def keys(self) -> list[SigningKey]:
        """Return the published keys, the signing one first; the first is made when it is first needed."""
        if not self._keys:
            self._keys.append(_new_key())
        return self._keys

    def issuer_of(self, platform: Platform) -> str:
        """Return the ``iss`` of a system's tokens."""
        return platform.issuer or f"{self.base_url}/ci"

    def home_of(self, platform: Platform) -> str:
        """Return the URL under which the sandbox serves a system's documents."""
        return f"{self.base_url}/ci/{platform.name}" if platform.issuer else f"{self.base_url}/ci"

    def locate(self, issuer: str) -> str:
        """Return where the documents of an issuer are: in the sandbox for the systems it plays, else at the issuer."""
        return next((self.home_of(one) for one in PLATFORMS.values() if self.issuer_of(one) == issuer), issuer)

    def discovery(self, platform: Platform) -> dict[str, Any]:
        """Return the discovery document (OpenID Connect Discovery 1.0, section 3)."""
        return {
            "issuer": self.issuer_of(platform),
            "jwks_uri": f"{self.home_of(platform)}/jwks",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid"],
            "claims_supported": ["sub", "aud", "exp", "iat", "iss", "jti", "nbf", *sorted(platform.claims)],
        }

    def key_set(self) -> dict[str, Any]:
        """Return the published key set."""
        return {"keys": [key.as_jwk() for key in self.keys]}

    def rotate(self, *, keep: bool = True) -> str:
        """Sign with a new key from now on and return its id; ``keep`` tells whether old ones stay published."""
        kept = self.keys[:_MOST_OLD_KEYS] if keep else []
        self._keys = [_new_key(), *kept]
        return self._keys[0].key_id

    def token(
        self,
        platform: Platform,
        *,
        now: float,
        audience: str | list[str] | None = None,
        claims: Mapping[str, Any] | None = None,
        seconds: int | None = None,
        key_id: str | None = None,
    ) -> str:
        """Return a signed token.

        :param claims: what differs from the usual claims; None as a value leaves a claim out.
        :param key_id: what the header says instead of the key's own id.
        """
        issued = int(now)
        body = {
            **platform.claims,
            "iss": self.issuer_of(platform),
            "aud": audience if audience is not None else platform.audience,
            "iat": issued,
            "nbf": issued - 5,
            "exp": issued + (seconds if seconds is not None else platform.seconds),
            "jti": str(uuid.uuid4()),
            **(claims or {}),
        }
        payload = json.dumps({name: value for name, value in body.items() if value is not None}).encode()
        key = self.keys[0]
        headers = {"typ": "JWT", "kid": key.key_id if key_id is None else key_id}
        return PyJWS().encode(payload, key.private_key, algorithm="RS256", headers=headers)


def _new_key() -> SigningKey:
    key_id = urlsafe_b64encode(secrets.token_bytes(20)).decode().rstrip("=")
    return SigningKey(key_id, rsa.generate_private_key(public_exponent=65537, key_size=2048))
