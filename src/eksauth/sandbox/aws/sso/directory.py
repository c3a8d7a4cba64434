"""Who there is, which accounts, and who may use which permission set where."""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass, field

_USER_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
# role names end at 64 characters, and the prefix and the suffix of reserved roles take 32 of them
_SET_NAME = re.compile(r"[\w+=,.@-]{1,32}", re.ASCII)
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)


@dataclass(frozen=True)
class Person:
    """A user of the portal; ``user_name`` becomes the name of role sessions."""

    user_name: str
    display_name: str
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        # role session names have two characters at least
        if not _USER_NAME.fullmatch(self.user_name) or len(self.user_name) < 2:
            raise ValueError("a user name has 2 to 64 letters, digits or any of _+=,.@-")
        if not self.password:
            raise ValueError("a person has a password")


@dataclass(frozen=True)
class PortalAccount:
    """An account of the organisation."""

    account: str
    name: str
    email: str

    def __post_init__(self) -> None:
        if not _ACCOUNT.fullmatch(self.account):
            raise ValueError("an account number has 12 digits")
        if not 1 <= len(self.name) <= 50 or not 1 <= len(self.email) <= 254:
            raise ValueError("an account has a name of 1 to 50 characters and an e-mail address")


@dataclass(frozen=True)
class PermissionSet:
    """A permission set; ``session_seconds`` is how long role credentials from it last."""

    name: str
    session_seconds: int = 3600
    managed: tuple[str, ...] = ()
    inline: str | None = None

    def __post_init__(self) -> None:
        if not _SET_NAME.fullmatch(self.name):
            raise ValueError("a permission set's name has 1 to 32 letters, digits or any of _+=,.@-")
        if not 3600 <= self.session_seconds <= 43200:
            raise ValueError("session_seconds lies between 3600 and 43200")


class Directory:
    """People, accounts, permission sets and assignments of one Identity Center.

    :ivar unopened: accounts whose IAM, with its roles, is made when somebody first uses it.
    """

    def __init__(self) -> None:
        self.unopened: set[str] = set()
        self.accounts: dict[str, PortalAccount] = {}
        self.permission_sets: dict[str, PermissionSet] = {}
        self._people: dict[str, Person] = {}
        self._assigned: dict[str, dict[str, set[str]]] = {}

    @property
    def people(self) -> list[Person]:
        """Everybody, in order of arrival."""
        return list(self._people.values())

    def add_person(self, person: Person) -> None:
        """Add or replace a person; user names do not differ by case alone."""
        self._people[person.user_name.casefold()] = person

    def person(self, user_name: str) -> Person | None:
        """Return somebody by user name, in any case."""
        return self._people.get(user_name.casefold())

    def authenticate(self, user_name: str, password: str) -> Person | None:
        """Return the person whose password this is, or None."""
        person = self.person(user_name)
        # a name that nobody has takes as long as a wrong password
        expected = person.password if person is not None else secrets.token_urlsafe(16)
        right = hmac.compare_digest(password.encode("utf-8", "surrogatepass"), expected.encode())
        return person if right else None

    def assign(self, user_name: str, account: str, permission_set: str) -> None:
        """Let a person use a permission set in an account.

        :raises LookupError: when one of the three does not exist.
        """
        person = self.person(user_name)
        if person is None or account not in self.accounts or permission_set not in self.permission_sets:
            raise LookupError("no such person, account or permission set")
        self._assigned.setdefault(person.user_name, {}).setdefault(account, set()).add(permission_set)

    def unassign(self, user_name: str, account: str, permission_set: str) -> bool:
        """Take an assignment back; False when there was none."""
        sets = self._assigned.get(user_name, {}).get(account, set())
        if permission_set not in sets:
            return False
        sets.remove(permission_set)
        if not sets:
            del self._assigned[user_name][account]
        return True

    def accounts_of(self, user_name: str) -> list[PortalAccount]:
        """Return the accounts in which a person may use anything, by number."""
        return [self.accounts[number] for number in sorted(self._assigned.get(user_name, {}))]

    def permission_sets_of(self, user_name: str, account: str) -> list[str]:
        """Return the names of what a person may use in an account."""
        return sorted(self._assigned.get(user_name, {}).get(account, ()))

    def permission_sets_in(self, account: str) -> list[str]:
        """Return the names of what anybody may use in an account."""
        return sorted({name for accounts in self._assigned.values() for name in accounts.get(account, ())})
