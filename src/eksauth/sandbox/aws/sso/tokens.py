"""Access and refresh tokens of the portal, and the sign-ins that they come from."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field

_MOST_FAMILIES = 10_000


@dataclass
class Family:
    """All tokens that come from one authorization: they end together.

    :param ends_at: when the sign-in is over; no refresh goes beyond it.
    :param visit: the browser's sign-in in which a person allowed it, empty for a programmatic one.
    """

    name: str
    user_name: str
    client_id: str
    scopes: tuple[str, ...]
    ends_at: float
    visit: str = field(default="", repr=False)
    access: dict[str, float] = field(default_factory=dict, repr=False)
    refresh: str = field(default="", repr=False)
    spent: set[str] = field(default_factory=set, repr=False)


@dataclass(frozen=True)
class Issued:
    """A new access token and, where the client may have one, the refresh token that replaces the one before."""

    access_token: str = field(repr=False)
    expires_in: int
    refresh_token: str | None = field(default=None, repr=False)


class TokenStore:
    """Every family of tokens that is alive."""

    def __init__(self) -> None:
        self._families: OrderedDict[str, Family] = OrderedDict()
        self._by_token: dict[str, Family] = {}

    def open(
        self, *, user_name: str, client_id: str, scopes: tuple[str, ...], ends_at: float, visit: str = ""
    ) -> Family:
        """Begin a family, without tokens yet."""
        family = Family(secrets.token_hex(8), user_name, client_id, scopes, ends_at, visit)
        self._families[family.name] = family
        while len(self._families) > _MOST_FAMILIES:
            self.revoke(next(iter(self._families.values())))
        return family

    def issue(self, family: Family, *, seconds: int, with_refresh: bool, now: float) -> Issued:
        """Add an access token, valid no longer than the sign-in, and rotate the refresh token."""
        for token in [token for token, end in family.access.items() if end <= now]:
            del family.access[token], self._by_token[token]
        lasts = max(1, min(seconds, int(family.ends_at - now)))
        access = "aoa" + secrets.token_urlsafe(96)
        family.access[access] = now + lasts
        self._by_token[access] = family
        if not with_refresh:
            return Issued(access, lasts)
        if family.refresh:
            family.spent.add(family.refresh)
        family.refresh = "aor" + secrets.token_urlsafe(96)
        self._by_token[family.refresh] = family
        return Issued(access, lasts, family.refresh)

    def of_access(self, token: str, now: float) -> Family | None:
        """Return the family of an access token that is valid."""
        family = self._by_token.get(token)
        return family if family is not None and family.access.get(token, 0.0) > now else None

    def of_refresh(self, token: str) -> Family | None:
        """Return the family that a refresh token, fresh or spent, belongs to."""
        family = self._by_token.get(token)
        return family if family is not None and (token == family.refresh or token in family.spent) else None

    def named(self, name: str) -> Family | None:
        """Return a family by its name."""
        return self._families.get(name)

    def of_user(self, user_name: str) -> list[Family]:
        """Return all families of a person."""
        return [family for family in self._families.values() if family.user_name == user_name]

    def revoke(self, family: Family) -> None:
        """End a family: none of its tokens is good for anything any more."""
        self._families.pop(family.name, None)
        for token in [*family.access, family.refresh, *family.spent]:
            self._by_token.pop(token, None)

    def expire_access(self, family: Family, when: float) -> None:
        """Move the end of a family's access tokens to ``when``."""
        family.access = dict.fromkeys(family.access, when)

    def drop_refresh(self, family: Family) -> None:
        """End a family's refresh token but not its access tokens."""
        if family.refresh:
            family.spent.add(family.refresh)
            family.refresh = ""
