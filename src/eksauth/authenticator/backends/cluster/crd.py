"""The ``CRD`` backend: ``IAMIdentityMapping`` objects as aws-iam-authenticator has them, judged by their spec alone.

The reference looks identities up by ``status.canonicalARN``: nothing works until some server has written it, and
whoever may write a status decides who is let in. Here the status is for people, and for the reference beside us.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from eksauth.authenticator.backends.cluster.backoff import Backoff
from eksauth.authenticator.backends.cluster.custom_resources import ReadOnce, as_yaml
from eksauth.authenticator.backends.cluster.kube_api import IDENTITY_MAPPINGS, Object
from eksauth.authenticator.backends.cluster.kube_backend import Content, Ears, KubeBackend, in_thread
from eksauth.authenticator.backends.cluster.kube_where import Where
from eksauth.authenticator.backends.cluster.leader import Term
from eksauth.authenticator.backends.cluster.list_watch import Selection
from eksauth.authenticator.backends.cluster.status_writer import StatusWriter, Verdict
from eksauth.authenticator.backends.last_good import GRACE_SECONDS, LastGood
from eksauth.authenticator.identity import Identity
from eksauth.authenticator.mapping.model import (
    Mappings,
    Match,
    NotMapped,
    Problem,
    Problems,
    RoleMapping,
    Source,
    UserMapping,
)
from eksauth.authenticator.mapping.reader import EntryReader
from eksauth.authenticator.mapping.table import MappingTable
from eksauth.aws.arn import canonical_principal
from eksauth.errors import ConfigError

MODE = "CRD"
LEASE = "eksauth-iamidentitymappings"
_KIND = "iamidentitymappings"


def identity_mapping_backend(
    where: Where,
    *,
    grace: float = GRACE_SECONDS,
    ears: Ears | None = None,
    tick: Callable[[], float] = time.monotonic,
    backoff: Backoff | None = None,
    term: Term | None = None,
) -> KubeBackend[IdentityMappingTable]:
    """Return the backend."""
    ears = ears or Ears()
    reader = IdentityMappings()
    last_good = LastGood(MODE, IdentityMappingTable(Mappings()), grace=grace, notice=ears.notice, tick=tick)
    status = StatusWriter(
        where,
        IDENTITY_MAPPINGS,
        IDENTITY_MAPPINGS.Status,
        LEASE,
        lambda: reader.verdicts,
        remark=ears.remark,
        term=term,
    )
    return KubeBackend(
        MODE,
        "IAMIdentityMapping objects",
        where,
        Selection(IDENTITY_MAPPINGS),
        build=in_thread(reader.read),
        last_good=last_good,
        ears=ears,
        companions=(status,),
        backoff=backoff,
    )


class IdentityMappingTable:
    """Mappings of roles and users by canonical ARN."""

    def __init__(self, mappings: Mappings, problems: tuple[Problem, ...] = ()) -> None:
        self._table = MappingTable(mappings, canonicalise_roles=True)
        self.problems = (*problems, *self._table.problems)

    def lookup(self, identity: Identity) -> Match | NotMapped:
        """Return the object that decides, or why there is none."""
        answer = self._table.lookup(identity)
        return answer if isinstance(answer, Match) else replace(answer, suggestion=_suggestion(identity))


@dataclass(frozen=True, slots=True)
class _Reading:
    entry: RoleMapping | UserMapping | None
    canonical_arn: str
    problems: tuple[Problem, ...]


class IdentityMappings:
    """Reads the objects; ``verdicts`` are what is thought of each, by name."""

    def __init__(self) -> None:
        self.verdicts: dict[str, Verdict] = {}
        self._read_once = ReadOnce(_read)

    def read(self, objects: tuple[Object, ...]) -> Content[IdentityMappingTable]:
        """Return what the objects say: of several for one ARN the oldest counts, of the same age the first by name."""
        problems = Problems()
        verdicts: dict[str, Verdict] = {}
        winners: dict[str, tuple[str, RoleMapping | UserMapping]] = {}
        for name, reading in self._read_once.all(objects):
            for problem in reading.problems:
                problems.add(problem)
            arn, trouble = reading.canonical_arn, None
            if reading.entry is None:
                trouble = reading.problems[0].message if reading.problems else "the object cannot be used"
            elif arn in winners:
                older = winners[arn][0]
                trouble = f"{arn} is mapped by {older} already, which is older; this object counts for nothing"
                problems.add(Problem("mapping.duplicate", trouble, reading.entry.source, "keep one of them"))
            else:
                winners[arn] = name, reading.entry
            verdicts[name] = Verdict({"canonicalARN": arn or None}, trouble)
        self.verdicts = verdicts
        entries = [entry for _, entry in winners.values()]
        table = IdentityMappingTable(
            Mappings(
                roles=tuple(entry for entry in entries if isinstance(entry, RoleMapping)),
                users=tuple(entry for entry in entries if isinstance(entry, UserMapping)),
            ),
            tuple(problems.found),
        )
        return Content(table, len(entries), table.problems, gone="every IAMIdentityMapping was deleted or is unusable")


def _read(item: Object) -> _Reading:
    name = f"{_KIND}/{item['metadata']['name']}"
    problems = Problems()
    try:
        spec = item.get("spec")
        arn, username, groups = _fields(spec if isinstance(spec, dict) else {}, name)
        kind, canonical, written = _canonical(arn, name)
        key = "rolearn" if kind in {"role", "assumed-role"} else "userarn"
        file, root = as_yaml([{key: written, "username": username, "groups": groups}], name)
        reader = EntryReader(file, problems, strict=True)
        found = reader.roles(root) if key == "rolearn" else reader.users(root)
        return _Reading(found[0], canonical, tuple(problems.found))
    except ConfigError as error:
        skipped = Problem(
            "mapping.entry_dropped", f"the object is skipped: {error.message}", Source(name, 1), error.hint
        )
        return _Reading(None, "", (skipped,))


def _fields(spec: Object, name: str) -> tuple[str, str, list[str]]:
    arn, username, groups = spec.get("arn"), spec.get("username"), spec.get("groups") or []
    if not isinstance(arn, str) or not isinstance(username, str) or not isinstance(groups, list):
        raise ConfigError(f"{name}: spec needs the texts arn and username, and a list of groups")
    if not all(isinstance(group, str) for group in groups):
        raise ConfigError(f"{name}: a group in spec.groups is no text")
    return arn, username, groups


def _canonical(arn: str, name: str) -> tuple[str, str, str]:
    """Return kind, canonical ARN in lower case, and the ARN in a form that can be compared; case does not count."""
    for text in (arn, arn.lower()):
        try:
            kind, canonical = canonical_principal(text)
        except ValueError:
            continue
        return kind, canonical.lower(), text
    raise ConfigError(
        f"{name}: spec.arn {arn[:100]!r} names no IAM principal", hint="write arn:aws:iam::111122223333:role/NAME"
    )


def _suggestion(identity: Identity) -> str:
    name = identity.canonical_arn.rpartition("/")[2].lower().replace("_", "-")
    return (
        "apiVersion: iamauthenticator.k8s.aws/v1alpha1\nkind: IAMIdentityMapping\n"
        f"metadata:\n  name: {name}\nspec:\n  arn: {identity.canonical_arn}\n  username: \n  groups: []\n"
    )
