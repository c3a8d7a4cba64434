"""Clients that registered themselves (RegisterClient), and the proof that they are themselves."""

from __future__ import annotations

import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from eksauth.sandbox.aws.sso.faults import oidc_fault

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
AUTHORIZATION_CODE = "authorization_code"
REFRESH_TOKEN = "refresh_token"
ACCOUNT_ACCESS = "sso:account:access"

_GRANT_TYPES = (DEVICE_CODE, AUTHORIZATION_CODE, REFRESH_TOKEN)
_SCOPES = frozenset(
    [ACCOUNT_ACCESS]
    + [f"codewhisperer:{part}" for part in ("completions", "analysis", "conversations", "transformations")]
)
_LOOPBACK = frozenset(["127.0.0.1", "::1"])
_LONGEST_NAME = 256
_LONGEST_URI = 2048
_MOST_LISTED = 20
_MOST_CLIENTS = 5_000


@dataclass(frozen=True)
class Registration:
    """A registered client; every client is public, so its secret proves little and expires."""

    client_id: str
    client_secret: str = field(repr=False)
    unverified_name: str
    grant_types: tuple[str, ...]
    scopes: tuple[str, ...]
    redirect_uris: tuple[str, ...]
    issued_at: float
    expires_at: float

    @property
    def may_refresh(self) -> bool:
        """Tell whether it gets refresh tokens: it asked for a scope, and did not leave the grant out."""
        return ACCOUNT_ACCESS in self.scopes and REFRESH_TOKEN in self.grant_types

    def takes_redirect(self, uri: str) -> bool:
        """Tell whether ``uri`` is a registered one; its port is free, as RFC 8252 section 7.3 demands."""
        wanted = _loopback_parts(uri)
        return wanted is not None and any(_loopback_parts(known) == wanted for known in self.redirect_uris)


class Registrations:
    """All registered clients; the oldest go when there are too many."""

    def __init__(self) -> None:
        self._clients: OrderedDict[str, Registration] = OrderedDict()

    def register(
        self,
        *,
        name: str,
        scopes: list[str],
        grant_types: list[str],
        redirect_uris: list[str],
        issued_at: float,
        expires_at: float,
    ) -> Registration:
        """Register a client; without grant types it gets those of the device flow.

        :raises ServiceFault: InvalidClientMetadata, InvalidScope, UnsupportedGrantType, InvalidRedirectUri.
        """
        if not 1 <= len(name) <= _LONGEST_NAME or not name.isprintable():
            raise oidc_fault("invalid_client_metadata", "clientName has 1 to 256 printable characters")
        if max(len(scopes), len(grant_types), len(redirect_uris)) > _MOST_LISTED:
            raise oidc_fault("invalid_client_metadata", f"a list has {_MOST_LISTED} members at most")
        if not _SCOPES.issuperset(scopes):
            raise oidc_fault("invalid_scope", "Invalid scope requested")
        if any(grant not in _GRANT_TYPES for grant in grant_types):
            raise oidc_fault("unsupported_grant_type", "Unsupported grant type requested")
        if any(_loopback_parts(uri) is None for uri in redirect_uris):
            raise oidc_fault("invalid_redirect_uri", "Invalid redirect URI: it has to be http on a loopback address")
        if AUTHORIZATION_CODE in grant_types and not redirect_uris:
            raise oidc_fault("invalid_redirect_uri", "redirectUris is required for the authorization code grant")
        made = Registration(
            client_id=secrets.token_urlsafe(16),
            client_secret=secrets.token_urlsafe(48),
            unverified_name=name,
            grant_types=tuple(grant_types) or (DEVICE_CODE, REFRESH_TOKEN),
            scopes=tuple(dict.fromkeys(scopes)),
            redirect_uris=tuple(redirect_uris),
            issued_at=issued_at,
            expires_at=expires_at,
        )
        self._clients[made.client_id] = made
        while len(self._clients) > _MOST_CLIENTS:
            self._clients.popitem(last=False)
        return made

    def find(self, client_id: str) -> Registration | None:
        """Return a client, expired or not, without asking for its secret."""
        return self._clients.get(client_id)

    def verify(self, client_id: str, client_secret: str, now: float) -> Registration:
        """Return the client whose id and secret these are.

        :raises ServiceFault: InvalidClient, also when the registration has expired.
        """
        client = self._clients.get(client_id)
        given = client_secret.encode("utf-8", "replace")
        if client is None or not hmac.compare_digest(given, client.client_secret.encode()):
            raise oidc_fault("invalid_client", "Invalid client provided")
        if client.expires_at <= now:
            raise oidc_fault("invalid_client", "Client registration has expired")
        return client

    def expire_all(self, when: float) -> int:
        """End every registration at ``when``; returns how many there are."""
        for name, client in self._clients.items():
            self._clients[name] = replace(client, expires_at=when)
        return len(self._clients)


def _loopback_parts(uri: str) -> tuple[str, str, str] | None:
    """Return (host, path, query) of an http URI on a loopback address, or None."""
    if len(uri) > _LONGEST_URI or not uri.isascii() or not uri.isprintable() or "\\" in uri or " " in uri:
        return None
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    plain = parts.username is None and parts.password is None and "#" not in uri
    if parts.scheme != "http" or host not in _LOOPBACK or not plain:
        return None
    return host, parts.path or "/", parts.query
