"""Mappings by unique id instead of by ARN: the strict mode of ``DynamicFile``.

Rules of the reference: the id decides; an entry that names an ARN as well must name the caller's, path left out, and a
mismatch is a refusal, not a reason to look on.
"""

from __future__ import annotations

from eksauth.authenticator.identity import Identity
from eksauth.authenticator.mapping.model import (
    Mappings,
    Match,
    NearMiss,
    NotMapped,
    Problem,
    Problems,
    RoleMapping,
    UserMapping,
)
from eksauth.aws.arn import parse_arn


class UserIdTable:
    """An index over entries that have ``userid``."""

    def __init__(self, mappings: Mappings) -> None:
        problems = Problems()
        self._roles: dict[str, RoleMapping | UserMapping] = {}
        self._users: dict[str, RoleMapping | UserMapping] = {}
        for index, entries in ((self._roles, mappings.roles), (self._users, mappings.users)):
            for entry in entries:
                key = entry.user_id or ""
                if key in index:
                    message = f"user id {key} is mapped again; this entry wins over {index[key].source}"
                    problems.add(Problem("mapping.duplicate", message, entry.source, "keep one entry"))
                index[key] = entry
        self._accounts = {account.account_id: account for account in mappings.accounts}
        self.problems: tuple[Problem, ...] = tuple(problems.found)

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
