"""What waits for a person: device authorizations (RFC 8628) and authorization codes (RFC 7636)."""

from __future__ import annotations

import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from collections import OrderedDict
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal

from eksauth.sandbox.aws.sso.faults import oidc_fault

# no vowels, so that no words appear, and nothing that is mistaken for a digit: RFC 8628 section 6.1
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
_SLOWER_SECONDS = 5.0
# a client that waits exactly the interval is on time, even if its request before had to queue here for a moment
_TOLERANCE_SECONDS = 0.25
_MOST_WAITING = 5_000
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


@dataclass
class DeviceGrant:
    """A device authorization; ``interval`` grows by five seconds whenever the client is too fast."""

    device_code: str = field(repr=False)
    user_code: str
    client_id: str
    scopes: tuple[str, ...]
    expires_at: float
    interval: float
    polled_at: float | None = None
    verdict: Literal["pending", "allowed", "denied", "used"] = "pending"
    user_name: str = ""
    visit: str = field(default="", repr=False)


class DeviceGrants:
    """Every device authorization of late."""

    def __init__(self) -> None:
        self._by_device_code: OrderedDict[str, DeviceGrant] = OrderedDict()
        self._by_user_code: dict[str, DeviceGrant] = {}

    def start(self, client_id: str, scopes: tuple[str, ...], *, expires_at: float, interval: float) -> DeviceGrant:
        """Begin an authorization."""
        user_code = _new_user_code()
        while user_code in self._by_user_code:
            user_code = _new_user_code()
        grant = DeviceGrant(secrets.token_urlsafe(32), user_code, client_id, scopes, expires_at, interval)
        self._by_device_code[grant.device_code] = grant
        self._by_user_code[user_code] = grant
        while len(self._by_device_code) > _MOST_WAITING:
            _, oldest = self._by_device_code.popitem(last=False)
            self._by_user_code.pop(oldest.user_code, None)
        return grant

    def waiting(self, user_code: str, now: float) -> DeviceGrant | None:
        """Return the authorization that a person may still decide on; how the code is typed does not matter."""
        letters = "".join(letter for letter in user_code.upper() if letter.isalnum())
        grant = self._by_user_code.get(f"{letters[:4]}-{letters[4:]}")
        return grant if grant is not None and grant.verdict == "pending" and now < grant.expires_at else None

    def redeem(self, device_code: str, client_id: str, now: float) -> DeviceGrant:
        """Return an authorization that a person allowed, once.

        :raises ServiceFault: InvalidGrant, ExpiredToken, AccessDenied, AuthorizationPending, SlowDown.
        """
        grant = self._by_device_code.get(device_code)
        if grant is None or grant.client_id != client_id or grant.verdict == "used":
            raise oidc_fault("invalid_grant", "Invalid device code provided")
        if grant.expires_at <= now:
            raise oidc_fault("expired_token", "Device code has expired")
        if grant.verdict == "denied":
            raise oidc_fault("access_denied", "The authorization request was denied")
        if grant.verdict == "pending":
            previous, grant.polled_at = grant.polled_at, now
            if previous is not None and now - previous < grant.interval - _TOLERANCE_SECONDS:
                # for this and every later request: RFC 8628 section 3.5
                grant.interval += _SLOWER_SECONDS
                raise oidc_fault("slow_down", "Polling too frequently; wait five seconds more between requests")
            raise oidc_fault("authorization_pending", "The authorization request is still pending")
        grant.verdict = "used"
        return grant

    def expire_all(self, when: float) -> int:
        """End every authorization at ``when``; returns how many there are."""
        for grant in self._by_device_code.values():
            grant.expires_at = when
        return len(self._by_device_code)


@dataclass
class CodeGrant:
    """An authorization code that a redirect carried away."""

    code: str = field(repr=False)
    client_id: str
    redirect_uri: str
    challenge: str = field(repr=False)
    scopes: tuple[str, ...]
    user_name: str
    expires_at: float
    visit: str = field(default="", repr=False)
    family: str = field(default="", repr=False)
    used: bool = False


class CodeGrants:
    """Every authorization code of late."""

    def __init__(self) -> None:
        self._codes: OrderedDict[str, CodeGrant] = OrderedDict()

    def issue(
        self,
        *,
        client_id: str,
        redirect_uri: str,
        challenge: str,
        scopes: tuple[str, ...],
        user_name: str,
        expires_at: float,
        visit: str = "",
    ) -> CodeGrant:
        """Make a code."""
        code = secrets.token_urlsafe(32)
        grant = CodeGrant(code, client_id, redirect_uri, challenge, scopes, user_name, expires_at, visit)
        self._codes[code] = grant
        while len(self._codes) > _MOST_WAITING:
            self._codes.popitem(last=False)
        return grant

    def find(self, code: str, client_id: str) -> CodeGrant | None:
        """Return a code of this client, used or not."""
        grant = self._codes.get(code)
        return grant if grant is not None and grant.client_id == client_id else None

    def expire_all(self, when: float) -> int:
        """End every code at ``when``; returns how many there are."""
        for grant in self._codes.values():
            grant.expires_at = when
        return len(self._codes)


def is_challenge(text: str) -> bool:
    """Tell whether this can be an S256 code challenge: a SHA-256 in base64url without padding."""
    return _CHALLENGE.fullmatch(text) is not None


def is_verifier(text: str) -> bool:
    """Tell whether this is a code verifier as RFC 7636 section 4.1 writes it."""
    return _VERIFIER.fullmatch(text) is not None


def answers_challenge(verifier: str, challenge: str) -> bool:
    """Tell whether a verifier is the one that an S256 challenge was made from."""
    made = urlsafe_b64encode(sha256(verifier.encode("ascii")).digest()).rstrip(b"=")
    return hmac.compare_digest(made, challenge.encode("ascii"))


def _new_user_code() -> str:
    letters = "".join(secrets.choice(_LETTERS) for _ in range(8))
    return f"{letters[:4]}-{letters[4:]}"
