"""Who is signed in in which browser, and the tokens that prove that a form came from our own page."""

from __future__ import annotations

import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field

from eksauth.sandbox.aws.request import RawRequest

# the prefix makes browsers refuse it from other hosts, other paths and plain http
COOKIE = "__Host-sandbox-portal"
_MOST_VISITS = 10_000
_LONGEST_ID = 64


@dataclass(frozen=True)
class Visit:
    """A browser, and who is signed in in it, if anybody.

    :param is_new: the browser has no cookie yet.
    """

    name: str = field(repr=False)
    user_name: str = ""
    is_new: bool = False


class Visits:
    """All browsers in which somebody is signed in."""

    def __init__(self) -> None:
        self._signed_in: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._key = secrets.token_bytes(32)

    def of(self, request: RawRequest, now: float) -> Visit:
        """Return the visit that a request belongs to; one without a cookie begins a new one."""
        name = _cookie(request)
        if not name:
            return Visit(secrets.token_urlsafe(32), is_new=True)
        user_name, ends_at = self._signed_in.get(name, ("", 0.0))
        return Visit(name, user_name if ends_at > now else "")

    def sign_in(self, user_name: str, ends_at: float) -> Visit:
        """Begin a visit of a person, always under a new name: nobody can have planted it."""
        name = secrets.token_urlsafe(32)
        self._signed_in[name] = (user_name, ends_at)
        while len(self._signed_in) > _MOST_VISITS:
            self._signed_in.popitem(last=False)
        return Visit(name, user_name, is_new=True)

    def sign_out(self, name: str) -> None:
        """End a visit."""
        self._signed_in.pop(name, None)

    def sign_out_everywhere(self, user_name: str) -> int:
        """End all visits of a person; returns how many there were."""
        names = [name for name, (who, _) in self._signed_in.items() if who == user_name]
        for name in names:
            del self._signed_in[name]
        return len(names)

    def csrf(self, visit: Visit) -> str:
        """Return the token that forms in this visit carry."""
        return hmac.digest(self._key, visit.name.encode(), "sha256").hex()

    def is_own_form(self, visit: Visit, token: str | None) -> bool:
        """Tell whether a form was made for this visit."""
        return not visit.is_new and hmac.compare_digest((token or "").encode(), self.csrf(visit).encode())


def cookie_header(visit: Visit, seconds: int) -> dict[str, str]:
    """Return the header that gives a browser its cookie; with 0 seconds, takes it away."""
    return {"Set-Cookie": f"{COOKIE}={visit.name}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={seconds}"}


def _cookie(request: RawRequest) -> str:
    for header in request.header_values("cookie"):
        for piece in header.decode("latin-1").split(";"):
            name, _, value = piece.strip().partition("=")
            if name == COOKIE and 0 < len(value) <= _LONGEST_ID and value.isascii():
                return value
    return ""
