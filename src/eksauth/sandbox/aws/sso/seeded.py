"""What a new sandbox's portal starts with, as data for the seed file."""

from __future__ import annotations

import msgspec

START_PATH = "/start"
"""Path of the access portal; the start URL is the endpoint's base URL and this."""


class SeededPerson(msgspec.Struct, frozen=True):
    """Somebody who can sign in to the portal."""

    user_name: str
    display_name: str
    password: str

    def __repr__(self) -> str:
        return f"SeededPerson({self.user_name})"


class SeededPortalAccount(msgspec.Struct, frozen=True):
    """An account as the portal lists it; names need not be unique."""

    account: str
    name: str
    email: str


class SeededAssignment(msgspec.Struct, frozen=True):
    """A person may use a permission set in an account, which there is the role ``role_arn`` (with its path)."""

    user_name: str
    account: str
    permission_set: str
    role_arn: str


class SeededPortal(msgspec.Struct, frozen=True):
    """The portal; ``issuer_url`` is the other name of the instance that RegisterClient takes."""

    region: str
    start_path: str
    issuer_url: str
    people: dict[str, SeededPerson]
    accounts: list[SeededPortalAccount]
    assignments: list[SeededAssignment]

    def role_arn(self, account: str, permission_set: str) -> str:
        """Return the ARN, with path, of a permission set's role in an account.

        :raises KeyError: when nobody has that permission set there.
        """
        for one in self.assignments:
            if (one.account, one.permission_set) == (account, permission_set):
                return one.role_arn
        raise KeyError(permission_set)
