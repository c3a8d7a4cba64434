"""What a mapping file says, entry by entry, and what a lookup answers.

There may be a hundred thousand entries. They and what they hold are out of the garbage collector's sight, who would
otherwise look at all of them while requests wait, and they pass between processes as MessagePack.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import msgspec

Kind = Literal["role", "sso", "user", "account", "entry"]


class Source(msgspec.Struct, frozen=True, gc=False):
    """Where an entry stands: ``file:line``, line numbers from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class PermissionSet(msgspec.Struct, frozen=True, gc=False):
    """An IAM Identity Center permission set in one account; its roles carry a generated suffix of 16 hex digits."""

    name: str
    account_id: str
    partition: str

    @property
    def pattern(self) -> str:
        """How people write the roles it stands for."""
        return f"arn:{self.partition}:iam::{self.account_id}:role/AWSReservedSSO_{self.name}_<16 hex>"


class RoleMapping(msgspec.Struct, frozen=True, gc=False):
    """One entry of ``mapRoles``: either ``arn`` or ``sso`` is set."""

    arn: str | None
    sso: PermissionSet | None
    username: str
    groups: tuple[str, ...]
    source: Source
    user_id: str | None = None


class UserMapping(msgspec.Struct, frozen=True, gc=False):
    """One entry of ``mapUsers``."""

    arn: str
    username: str
    groups: tuple[str, ...]
    source: Source
    user_id: str | None = None


class AccountMapping(msgspec.Struct, frozen=True, gc=False):
    """One entry of ``mapAccounts``: everybody of the account gets in, under the canonical ARN and without groups."""

    account_id: str
    source: Source


@dataclass(frozen=True, slots=True)
class Mappings:
    """Every entry of one file, in file order."""

    roles: tuple[RoleMapping, ...] = ()
    users: tuple[UserMapping, ...] = ()
    accounts: tuple[AccountMapping, ...] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """The entry that decides, before its templates are filled in.

    :param pattern: the ARN, permission set or account as the file has it.
    :param shadowed: entries that also fit and lost: earlier duplicates, permission sets behind a literal ARN, users
        behind roles.
    :param backend: modern name of the backend's mode, empty where only one was asked.
    """

    kind: Kind
    pattern: str
    username: str
    groups: tuple[str, ...]
    source: Source
    shadowed: tuple[Source, ...] = ()
    backend: str = ""

    def describe(self) -> str:
        """Return one line for people: which entry decided."""
        text = f"{_SECTIONS[self.kind]} entry {self.pattern} ({self.source})"
        if self.shadowed:
            text += ", which wins over " + ", ".join(map(str, self.shadowed))
        return text


_SECTIONS: dict[Kind, str] = {
    "role": "mapRoles",
    "sso": "mapRoles",
    "user": "mapUsers",
    "account": "mapAccounts",
    "entry": "access",
}


@dataclass(frozen=True, slots=True)
class NearMiss:
    """An entry that somebody may have meant for this identity, and why it does not fit.

    :param why: stable word: ``path``, ``case``, ``account``, ``partition``, ``assumed_role``, ``instance_profile``,
        ``user_path``, ``sso_long_arn``, ``sso_suffix``, ``sso_set``, ``blanks``, ``kind``, ``recreated``.
    :param explanation: one sentence for people.
    """

    why: str
    pattern: str
    explanation: str
    source: Source


@dataclass(frozen=True, slots=True)
class NotMapped:
    """Nothing fits; ``near_misses`` come best first, ``suggestion`` is YAML that would map the identity."""

    near_misses: tuple[NearMiss, ...] = ()
    suggestion: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a mapping that loads but will not do what its writer meant.

    :param code: stable, such as ``mapping.empty_username``.
    """

    code: str
    message: str
    source: Source
    hint: str | None = None

    def __str__(self) -> str:
        return f"{self.source}: {self.message}"


@dataclass(slots=True)
class Problems:
    """A growing list of problems with a cap, so that a hostile file cannot fill the memory or the log."""

    limit: int = 1000
    found: list[Problem] = field(default_factory=list)

    def add(self, problem: Problem) -> None:
        """Keep ``problem`` unless there are too many already."""
        if len(self.found) < self.limit:
            self.found.append(problem)
