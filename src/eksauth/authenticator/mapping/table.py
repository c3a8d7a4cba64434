"""Looking an identity up among mappings, in the same time for ten entries and for a hundred thousand.

Precedence, the same on every request: roles before permission sets before users before accounts; of entries for the
same ARN the last one in the file counts. Losers are reported, when the file is loaded and with each match.
"""

from __future__ import annotations

from typing import TypeVar

from eksauth.authenticator.identity import Identity
from eksauth.authenticator.mapping.model import (
    AccountMapping,
    Kind,
    Mappings,
    Match,
    NotMapped,
    PermissionSet,
    Problem,
    Problems,
    RoleMapping,
    UserMapping,
)
from eksauth.authenticator.mapping.near_miss import NearMissIndex
from eksauth.authenticator.mapping.sso import permission_set_of
from eksauth.authenticator.mapping.steps import Steps, batches, emptied, finish
from eksauth.aws.arn import canonical_principal

Entry = RoleMapping | UserMapping
_SHADOWED = 20
"""The most losers that a match names; each request that matches would have to carry all of them."""
_E = TypeVar("_E", RoleMapping, UserMapping)


class MappingTable:
    """An index over the mappings of one file.

    :param canonicalise_roles: compare configured ARNs, also those of mapUsers, in canonical form, so that an
        assumed-role ARN stands for its role (``MountedFile``); otherwise as text (``aws-auth``).
    """

    def __init__(self, mappings: Mappings, *, canonicalise_roles: bool) -> None:
        self._canonicalise_roles = canonicalise_roles
        self._problems = Problems()
        self._shadowed: dict[tuple[Kind, str], list[Entry]] = {}
        self._roles: dict[str, RoleMapping] = {}
        self._sso: dict[str, RoleMapping] = {}
        self._users: dict[str, UserMapping] = {}
        self._accounts: dict[str, AccountMapping] = {}
        self._near = NearMissIndex(canonicalised=canonicalise_roles)
        finish(self._fill(mappings))

    @classmethod
    def in_steps(cls, mappings: Mappings, *, canonicalise_roles: bool) -> Steps[MappingTable]:
        """Make the same table in small steps."""
        table = cls(Mappings(), canonicalise_roles=canonicalise_roles)
        yield from table._fill(mappings)
        return table

    def _fill(self, mappings: Mappings) -> Steps[None]:
        for roles in batches(mappings.roles):
            for role in roles:
                if role.arn is not None:
                    self._put(self._roles, "role", self._arn_key(role.arn), role)
                elif role.sso is not None:
                    self._put(self._sso, "sso", _set_key(role.sso), role)
            self._near.add(roles)
            yield
        for users in batches(mappings.users):
            for user in users:
                self._put(self._users, "user", self._arn_key(user.arn), user)
            self._near.add(users)
            yield
        for accounts in batches(mappings.accounts):
            self._accounts.update((account.account_id, account) for account in accounts)
            yield
        yield from self._report_overlaps()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Entries that shadow each other."""
        return tuple(self._problems.found)

    def lookup(self, identity: Identity) -> Match | NotMapped:
        """Return the entry that decides for ``identity``, or the entries that nearly do."""
        key = identity.canonical_arn.lower()
        sso_key = _sso_key(key)
        found: list[tuple[Kind, Entry, list[Entry]]] = []
        self._find(found, "role", self._roles.get(key), key)
        if sso_key is not None:
            self._find(found, "sso", self._sso.get(sso_key), sso_key)
        self._find(found, "user", self._users.get(key), key)
        if not found:
            return self._account_or_nothing(identity)
        kind, winner, shadowed = found[0]
        losers = [*shadowed, *(loser for _, entry, behind in found[1:] for loser in (entry, *behind))]
        return Match(
            kind=kind,
            pattern=_pattern(winner),
            username=winner.username,
            groups=winner.groups,
            source=winner.source,
            shadowed=tuple(entry.source for entry in losers),
        )

    def emptied(self) -> Steps[None]:
        """Forget everything, in small steps; for a table that nobody asks any more."""
        yield from emptied(self._roles, self._sso)
        yield from emptied(self._users)
        yield from emptied(self._accounts)
        yield from self._near.emptied()

    def _find(
        self,
        found: list[tuple[Kind, Entry, list[Entry]]],
        kind: Kind,
        entry: Entry | None,
        key: str,
    ) -> None:
        if entry is not None:
            found.append((kind, entry, self._shadowed.get((kind, key), [])))

    def _account_or_nothing(self, identity: Identity) -> Match | NotMapped:
        account = self._accounts.get(identity.account_id)
        if account is None:
            return self._near.explain(identity)
        return Match("account", account.account_id, identity.canonical_arn, (), account.source)

    def _arn_key(self, arn: str) -> str:
        if self._canonicalise_roles:
            try:
                return canonical_principal(arn)[1].lower()
            except ValueError:
                return arn.lower()
        return arn.lower()

    def _put(self, index: dict[str, _E], kind: Kind, key: str, entry: _E) -> None:
        earlier = index.get(key)
        index[key] = entry
        if earlier is None:
            return
        behind = self._shadowed.setdefault((kind, key), [])
        if len(behind) < _SHADOWED:
            behind.append(earlier)
        same = _pattern(earlier) == _pattern(entry)
        again = "is mapped again" if same else "is mapped again in another case"
        self._problems.add(
            Problem(
                "mapping.duplicate" if same else "mapping.duplicate_case",
                f"{_pattern(entry)} {again}; this entry wins over {earlier.source}",
                entry.source,
                "keep one entry; groups of several are not merged",
            )
        )

    def _report_overlaps(self) -> Steps[None]:
        def report(loser: Entry, winner: Entry, why: str) -> None:
            message = f"{_pattern(loser)} also fits {_pattern(winner)} ({winner.source}), which wins: {why}"
            self._problems.add(Problem("mapping.overlap", message, loser.source, "keep one of them"))

        for keys in batches(self._roles if self._sso else ()):
            for key in keys:
                sso_key = _sso_key(key)
                if sso_key is not None and sso_key in self._sso:
                    report(self._sso[sso_key], self._roles[key], "an ARN beats a permission set")
            yield
        for keys in batches(self._users if self._roles else ()):
            for key in keys:
                if key in self._roles:
                    report(self._users[key], self._roles[key], "mapRoles comes before mapUsers")
            yield


def _pattern(entry: Entry) -> str:
    if isinstance(entry, RoleMapping) and entry.sso is not None:
        return entry.sso.pattern
    return entry.arn or ""


def _set_key(permission_set: PermissionSet) -> str:
    return f"{permission_set.partition}/{permission_set.account_id}/{permission_set.name.lower()}"


def _sso_key(lowered_arn: str) -> str | None:
    sections = lowered_arn.split(":", 5)
    kind, _, name = sections[-1].partition("/")
    permission_set = permission_set_of(name) if kind == "role" and len(sections) == 6 else None
    return None if permission_set is None else f"{sections[1]}/{sections[4]}/{permission_set}"
