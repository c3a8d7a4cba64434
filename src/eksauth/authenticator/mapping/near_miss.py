"""Why nobody is mapped: entries that look as if they were meant for an identity, and what keeps them from fitting.

Entries are indexed by the last piece of their name, so that explaining a refusal costs the same however many there are.
"""

from __future__ import annotations

from collections.abc import Iterable

from eksauth.authenticator.identity import Identity
from eksauth.authenticator.mapping.model import (
    NearMiss,
    NotMapped,
    PermissionSet,
    RoleMapping,
    UserMapping,
)
from eksauth.authenticator.mapping.sso import PREFIX, permission_set_of
from eksauth.authenticator.mapping.steps import Steps, emptied
from eksauth.aws.arn import Arn, parse_arn

Entry = RoleMapping | UserMapping
_LIMIT = 5
_PER_NAME = 50
_SSO_PATH = "aws-reserved/sso.amazonaws.com/"

_WHY = {
    "blanks": "it has blanks around the ARN",
    "assumed_role": "it names a role session; write the ARN of the role",
    "sso_long_arn": "it has the path of an SSO role, which STS never reports; take the path out",
    "path": "it has a role path, which STS never reports; take the path out",
    "user_path": "the path of the user differs; users keep theirs",
    "instance_profile": "it is an instance profile; write the ARN of the role inside it",
    "kind": "it is of another kind of principal",
    "sso_suffix": "the permission set was provisioned again, and the generated suffix of its role has changed",
    "sso_set": "the permission set is another one",
    "partition": "the partition differs",
    "account": "the account differs",
}


class NearMissIndex:
    """Entries by name.

    :param canonicalised: assumed-role ARNs in the file count as their role, so they are no reason for a miss.
    """

    def __init__(self, *, canonicalised: bool) -> None:
        self._canonicalised = canonicalised
        # most names are those of one entry, and a tuple for each would cost more than the entries' own index
        self._by_name: dict[str, Entry | tuple[Entry, ...]] = {}

    def add(self, entries: Iterable[Entry]) -> None:
        """Take further entries."""
        for entry in entries:
            for name in _names(entry):
                earlier = self._by_name.get(name)
                if earlier is None:
                    self._by_name[name] = entry
                elif not isinstance(earlier, tuple):
                    self._by_name[name] = (earlier, entry)
                elif len(earlier) < _PER_NAME:
                    self._by_name[name] = (*earlier, entry)

    def emptied(self) -> Steps[None]:
        """Forget everything, in small steps; for a table that nobody asks any more."""
        return emptied(self._by_name)

    def _named(self, name: str) -> tuple[Entry, ...]:
        found = self._by_name.get(name, ())
        return found if isinstance(found, tuple) else (found,)

    def explain(self, identity: Identity) -> NotMapped:
        """Return the nearest entries, best first, and the YAML that would map ``identity``."""
        caller = parse_arn(identity.canonical_arn)
        name = caller.resource.rpartition("/")[2].lower()
        seen: dict[int, Entry] = {}
        for key in (name, _set_key(name)):
            for entry in self._named(key or ""):
                seen.setdefault(id(entry), entry)
        ranked = []
        for entry in seen.values():
            reasons = self._reasons(entry, caller)
            if reasons:
                text = " and ".join(_WHY[reason] for reason in reasons)
                pattern = entry.sso.pattern if isinstance(entry, RoleMapping) and entry.sso else entry.arn or ""
                miss = NearMiss(reasons[0], pattern, f"{pattern} does not fit: {text}", entry.source)
                ranked.append((len(reasons), entry.source.line, miss))
        ranked.sort(key=lambda item: item[:2])
        return NotMapped(tuple(miss for _, _, miss in ranked[:_LIMIT]), suggest(identity))

    def _reasons(self, entry: Entry, caller: Arn) -> list[str]:
        if isinstance(entry, RoleMapping) and entry.sso is not None:
            return _sso_reasons(entry.sso, caller)
        text = entry.arn or ""
        try:
            arn = parse_arn(text.strip())
        except ValueError:
            return []
        reasons = ["blanks"] if text != text.strip() else []
        if arn.partition.lower() != caller.partition:
            reasons.append("partition")
        if arn.account.strip() != caller.account:
            reasons.append("account")
        return reasons + self._resource_reasons(arn, caller)

    def _resource_reasons(self, arn: Arn, caller: Arn) -> list[str]:
        kind, _, rest = arn.resource.lower().partition("/")
        caller_kind, _, caller_rest = caller.resource.lower().partition("/")
        if kind == "instance-profile":
            return ["instance_profile"]
        if kind == "assumed-role" and caller_kind == "role":
            reasons = [] if self._canonicalised else ["assumed_role"]
            rest = rest.partition("/")[0]
        elif kind != caller_kind:
            return ["kind"]
        elif kind == "role" and "/" in rest:
            reasons = ["sso_long_arn" if rest.startswith(_SSO_PATH) else "path"]
            rest = rest.rpartition("/")[2]
        else:
            reasons = []
        if rest != caller_rest:
            reasons.append("user_path" if kind == "user" else "sso_suffix")
        return reasons


def _sso_reasons(permission_set: PermissionSet, caller: Arn) -> list[str]:
    reasons = []
    if permission_set.partition != caller.partition:
        reasons.append("partition")
    if permission_set.account_id != caller.account:
        reasons.append("account")
    name = caller.resource.lower().removeprefix("role/")
    if permission_set_of(name) != permission_set.name.lower():
        reasons.append("sso_set")
    return reasons


def _set_key(name: str) -> str | None:
    permission_set = permission_set_of(name)
    return None if permission_set is None else PREFIX + permission_set


def _names(entry: Entry) -> list[str]:
    """Return the keys that ``entry`` is found under: its own name and, for SSO roles, its permission set."""
    if isinstance(entry, RoleMapping) and entry.sso is not None:
        return [PREFIX + entry.sso.name.lower()]
    resource = (entry.arn or "").strip().lower().rpartition(":")[2]
    kind, _, rest = resource.partition("/")
    name = rest.partition("/")[0] if kind == "assumed-role" else rest.rpartition("/")[2]
    set_key = _set_key(name)
    return [name or resource] + ([set_key] if set_key else [])


def place_of(identity: Identity) -> tuple[str, str]:
    """Return the section and the key that an entry for ``identity`` has: mapRoles and rolearn, or those for users."""
    kind = identity.canonical_arn.split(":", 5)[5].partition("/")[0]
    return ("mapRoles", "rolearn") if kind == "role" else ("mapUsers", "userarn")


def suggest(identity: Identity) -> str:
    """Return the YAML entry that would map ``identity``; its groups are left to the reader."""
    section, key = place_of(identity)
    name = identity.canonical_arn.rpartition("/")[2] if "/" in identity.canonical_arn else "root"
    username = f'"{name}:{{{{SessionName}}}}"' if section == "mapRoles" else f'"{name}"'
    return (
        f"{section}:\n"
        f"  - {key}: {identity.canonical_arn}\n"
        f"    username: {username}\n"
        f"    groups: []  # the Kubernetes groups it should have\n"
    )
