"""Tokens of the federation endpoint: each signs one browser in to a console."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field

from eksauth.sandbox.aws.model import Caller

_TOKEN_SECONDS = 900
_MOST_TOKENS = 5_000


@dataclass(frozen=True)
class SigninToken:
    """A token that signs a browser in once."""

    token: str = field(repr=False)
    caller: Caller
    seconds: int
    expires_at: float


class SigninTokens:
    """The tokens that wait for a browser."""

    def __init__(self) -> None:
        self._tokens: OrderedDict[str, SigninToken] = OrderedDict()

    def issue(self, caller: Caller, seconds: int, now: float) -> str:
        """Make a token."""
        token = secrets.token_urlsafe(128)
        self._tokens[token] = SigninToken(token, caller, seconds, now + _TOKEN_SECONDS)
        while len(self._tokens) > _MOST_TOKENS:
            self._tokens.popitem(last=False)
        return token

    def take(self, token: str, now: float) -> SigninToken | None:
        """Return a token that is valid, for the last time."""
        found = self._tokens.pop(token, None)
        return found if found is not None and found.expires_at > now else None
