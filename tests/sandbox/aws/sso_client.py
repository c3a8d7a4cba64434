"""A client of the sandbox's Identity Center that does by hand what AWS CLI and SDKs do."""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.sandbox.aws.serving import ServedAws

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
SCOPE = "sso:account:access"
CALLBACK = "http://127.0.0.1/oauth/callback"


@dataclass
class SsoClient:
    """A registered client."""

    aws: ServedAws
    registration: dict[str, Any]
    oidc: Any

    @classmethod
    def register(cls, aws: ServedAws, **wanted: Any) -> SsoClient:
        """Register a client; without anything said, one with the scope for accounts."""
        oidc = aws.client("sso-oidc")
        wanted = {"clientName": "a test", "clientType": "public", "scopes": [SCOPE], **wanted}
        return cls(aws, oidc.register_client(**wanted), oidc)

    @classmethod
    def register_for_pkce(cls, aws: ServedAws, **wanted: Any) -> SsoClient:
        """Register a client of the authorization code grant, as the AWS CLI does."""
        grants = {"grantTypes": ["authorization_code", "refresh_token"], "redirectUris": [CALLBACK]}
        return cls.register(aws, **{**grants, "issuerUrl": aws.start_url, **wanted})

    @property
    def proof(self) -> dict[str, str]:
        """Return what identifies the client."""
        return {"clientId": self.registration["clientId"], "clientSecret": self.registration["clientSecret"]}

    def start(self) -> dict[str, Any]:
        """Start a device authorization."""
        return dict(self.oidc.start_device_authorization(startUrl=self.aws.start_url, **self.proof))

    def poll(self, device: dict[str, Any]) -> dict[str, Any]:
        """Ask for the token of a device authorization."""
        return dict(self.oidc.create_token(grantType=DEVICE, deviceCode=device["deviceCode"], **self.proof))

    def refresh(self, token: dict[str, Any]) -> dict[str, Any]:
        """Refresh a token."""
        return dict(self.oidc.create_token(grantType="refresh_token", refreshToken=token["refreshToken"], **self.proof))

    def sign_in(self, user_name: str = "dana") -> dict[str, Any]:
        """Return the tokens of a person, by the device grant."""
        device = self.start()
        self.aws.control("POST", "sso/decide", {"user_code": device["userCode"], "user_name": user_name})
        return self.poll(device)


@dataclass
class Pkce:
    """One authorization request with its verifier."""

    client: SsoClient
    redirect_uri: str = "http://127.0.0.1:53682/oauth/callback"
    state: str = field(default_factory=lambda: secrets.token_urlsafe(8))
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    @property
    def challenge(self) -> str:
        """Return the S256 challenge of the verifier."""
        return urlsafe_b64encode(sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()

    def url(self, **changes: str | None) -> str:
        """Return the URL that a browser opens; a change to None leaves a parameter out."""
        parameters: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.client.registration["clientId"],
            "redirect_uri": self.redirect_uri,
            "state": self.state,
            "code_challenge_method": "S256",
            "scopes": SCOPE,
            "code_challenge": self.challenge,
            **changes,
        }
        kept = {name: value for name, value in parameters.items() if value is not None}
        return f"{self.client.aws.url}/authorize?{urlencode(kept)}"

    def decide(
        self, user_name: str = "dana", changes: dict[str, str | None] | None = None, *, allow: bool = True
    ) -> dict[str, str]:
        """Return what the redirect carries after a person's decision through the control API."""
        wanted = {"url": self.url(**(changes or {})), "user_name": user_name, "allow": allow}
        location = self.client.aws.control("POST", "sso/authorize", wanted)["location"]
        assert location.startswith(f"{self.redirect_uri}?")
        return answer_of(location)

    def redeem(self, code: str, **changes: str) -> dict[str, Any]:
        """Trade a code for tokens."""
        given = {"code": code, "codeVerifier": self.verifier, "redirectUri": self.redirect_uri, **changes}
        return dict(self.client.oidc.create_token(grantType="authorization_code", **given, **self.client.proof))


def answer_of(location: str) -> dict[str, str]:
    """Return the query of a redirect, each parameter once."""
    found = parse_qs(urlsplit(location).query, strict_parsing=True)
    assert all(len(values) == 1 for values in found.values())
    return {name: values[0] for name, values in found.items()}
