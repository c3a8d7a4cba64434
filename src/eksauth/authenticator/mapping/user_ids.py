"""Mappings by unique id instead of by ARN: the strict mode of ``DynamicFile``.

Rules of the reference: the id decides; an entry that names an ARN as well must name the caller's, path left out, and a
mismatch is a refusal, not a reason to look on.
"""

from __future__ import annotations

from eksauth.authenticator.identity import Identity
from eksauth.authenticator.mapping.model import (
    AccountMapping,
    Mappings,
    Match,
    NearMiss,
    NotMapped,
    Problem,
    Problems,
    RoleMapping,
    UserMapping,
)
from eksauth.authenticator.mapping.steps import Steps, batches, emptied, finish
from eksauth.aws.arn import parse_arn

Entry = RoleMapping | UserMapping


class UserIdTable:
    """An index over entries that have ``userid``."""

    def __init__(self, mappings: Mappings) -> None:
        self._problems = Problems()
        self._roles: dict[str, Entry] = {}
        self._users: dict[str, Entry] = {}
        self._accounts: dict[str, AccountMapping] = {}
        finish(self._fill(mappings))

    @classmethod
    def in_steps(cls, mappings: Mappings) -> Steps[UserIdTable]:
        """Make the same table in small steps."""
        table = cls(Mappings())
        yield from table._fill(mappings)
        return table

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Entries that shadow each other."""
        return tuple(self._problems.found)

    def _fill(self, mappings: Mappings) -> Steps[None]:
        sections: tuple[tuple[dict[str, Entry], tuple[Entry, ...]], ...] = (
            (self._roles, mappings.roles),
            (self._users, mappings.users),
        )
        for index, entries in sections:
            for batch in batches(entries):
                for entry in batch:
                    self._put(index, entry)
                yield
        for accounts in batches(mappings.accounts):
            self._accounts.update((account.account_id, account) for account in accounts)
            yield

    def _put(self, index: dict[str, Entry], entry: Entry) -> None:
        key = entry.user_id or ""
        if key in index:
            message = f"user id {key} is mapped again; this entry wins over {index[key].source}"
            self._problems.add(Problem("mapping.duplicate", message, entry.source, "keep one entry"))
        index[key] = entry

    def emptied(self) -> Steps[None]:
        """Forget everything, in small steps; for a table that nobody asks any more."""
        yield from emptied(self._roles, self._users)
        yield from emptied(self._accounts)

    def lookup(self, identity: Identity) -> Match | NotMapped:
        """Return the entry of the caller's unique id, its account's, or why there is none."""
        for kind, index in (("role", self._roles), ("user", self._users)):
            entry = index.get(identity.user_id)
            if entry is None:
                continue
            if entry.arn and not _is_same(entry.arn, identity.canonical_arn):
                miss = NearMiss(
                    "recreated",
                    entry.arn,
                    f"{identity.user_id} is mapped as {entry.arn}, but the caller is {identity.canonical_arn}",
                    entry.source,
                )
                return self._account(identity) or NotMapped((miss,))
            return Match(
                kind="role" if kind == "role" else "user",
                pattern=entry.arn or identity.user_id,
                username=entry.username,
                groups=entry.groups,
                source=entry.source,
            )
        return self._account(identity) or NotMapped()

    def _account(self, identity: Identity) -> Match | None:
        account = self._accounts.get(identity.account_id)
        if account is None:
            return None
        return Match("account", account.account_id, identity.canonical_arn, (), account.source)


def _is_same(written: str, canonical_arn: str) -> bool:
    """Tell whether an entry's ARN is the caller's: without regard to case, and to the path of a role."""
    text = written.lower()
    try:
        arn = parse_arn(text)
    except ValueError:
        return False
    kind, _, name = arn.resource.partition("/")
    if kind == "role":
        text = f"arn:{arn.partition}:{arn.service}:{arn.region}:{arn.account}:role/{name.rpartition('/')[2]}"
    return text == canonical_arn.lower()
