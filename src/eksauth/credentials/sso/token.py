"""Tokens and client registrations in the form of the AWS CLI's files; pure.

Fields and spellings are those that botocore's ``SSOTokenProvider`` reads and ``aws sso login`` writes. Files of other
tools may lack some: then there is no refreshing, or no reuse. What is not a whole entry is a miss.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from eksauth.credentials.timestamps import epoch_of

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
CODE_GRANT = "authorization_code"
REFRESH_GRANT = "refresh_token"
MAX_SECRET_LENGTH = 16 << 10


@dataclass(frozen=True, slots=True)
class Registration:
    """An OAuth client that the portal knows; public clients are made on the fly and live for about 90 days.

    :ivar expires_at: seconds since the epoch.
    :ivar grants: what it may be used for; the AWS CLI leaves them out for the device grant.
    """

    client_id: str
    client_secret: str = field(repr=False)
    expires_at: float
    scopes: tuple[str, ...] = ()
    grants: tuple[str, ...] = ()

    def serves(self, grant: str) -> bool:
        """Tell whether the portal lets it use ``grant``."""
        return grant in self.grants if self.grants else grant == DEVICE_GRANT


@dataclass(frozen=True, slots=True)
class Token:
    """An access token with what renews it.

    :ivar expires_at: of the access token, in seconds since the epoch.
    :ivar client: the registration that it was given to; needed to use the refresh token.
    """

    access_token: str = field(repr=False)
    expires_at: float
    start_url: str
    region: str
    refresh_token: str | None = field(default=None, repr=False)
    client: Registration | None = None


def encode_token(token: Token) -> bytes:
    """Return the content of a token file."""
    document: dict[str, object] = {
        "startUrl": token.start_url,
        "region": token.region,
        "accessToken": token.access_token,
        "expiresAt": _timestamp(token.expires_at),
    }
    if token.client is not None:
        document["clientId"] = token.client.client_id
        document["clientSecret"] = token.client.client_secret
        document["registrationExpiresAt"] = _timestamp(token.client.expires_at)
    if token.refresh_token is not None:
        document["refreshToken"] = token.refresh_token
    return json.dumps(document).encode()


def decode_token(content: bytes) -> Token | None:
    """Return the token in a file, or None when it holds none that can be used."""
    document = _object(content)
    access_token = _text(document, "accessToken")
    expires_at = _time(document, "expiresAt")
    if access_token is None or expires_at is None:
        return None
    client_id, client_secret = _text(document, "clientId"), _text(document, "clientSecret")
    client_end = _time(document, "registrationExpiresAt")
    client = None
    if client_id is not None and client_secret is not None and client_end is not None:
        client = Registration(client_id, client_secret, client_end)
    return Token(
        access_token,
        expires_at,
        _text(document, "startUrl") or "",
        _text(document, "region") or "",
        _text(document, "refreshToken"),
        client,
    )


def encode_registration(registration: Registration) -> bytes:
    """Return the content of a registration's file."""
    document: dict[str, object] = {
        "clientId": registration.client_id,
        "clientSecret": registration.client_secret,
        "expiresAt": _timestamp(registration.expires_at),
    }
    if registration.scopes:
        document["scopes"] = list(registration.scopes)
    if registration.grants:
        document["grantTypes"] = list(registration.grants)
    return json.dumps(document).encode()


def decode_registration(content: bytes) -> Registration | None:
    """Return the registration in a file, or None when it holds none that can be used."""
    document = _object(content)
    client_id, client_secret = _text(document, "clientId"), _text(document, "clientSecret")
    expires_at = _time(document, "expiresAt")
    if client_id is None or client_secret is None or expires_at is None:
        return None
    return Registration(
        client_id, client_secret, expires_at, _texts(document, "scopes"), _texts(document, "grantTypes")
    )


def _timestamp(epoch: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(epoch)))


def _object(content: bytes) -> Mapping[str, object]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _text(document: Mapping[str, object], key: str) -> str | None:
    value = document.get(key)
    if not isinstance(value, str) or not value or len(value) > MAX_SECRET_LENGTH:
        return None
    # tokens go into headers; a line end there would be another header
    return value if value.isascii() and value.isprintable() else None


def _texts(document: Mapping[str, object], key: str) -> tuple[str, ...]:
    value = document.get(key)
    return tuple([item for item in value if isinstance(item, str)]) if isinstance(value, list) else ()


def _time(document: Mapping[str, object], key: str) -> float | None:
    value = document.get(key)
    return epoch_of(value) if isinstance(value, str) else None
