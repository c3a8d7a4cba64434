"""The ``AccessEntries`` backend on custom resources: one ``AccessEntry`` object for each principal, EKS's own rules."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from eksauth.authenticator.backends.cluster.backoff import Backoff
from eksauth.authenticator.backends.cluster.custom_resources import ReadOnce, as_yaml
from eksauth.authenticator.backends.cluster.kube_api import ACCESS_ENTRIES, Object
from eksauth.authenticator.backends.cluster.kube_backend import Content, Ears, KubeBackend, in_thread
from eksauth.authenticator.backends.cluster.kube_where import Where
from eksauth.authenticator.backends.cluster.leader import Term
from eksauth.authenticator.backends.cluster.list_watch import Selection
from eksauth.authenticator.backends.cluster.status_writer import StatusWriter, Verdict
from eksauth.authenticator.backends.files.access_entries import MODE
from eksauth.authenticator.backends.last_good import GRACE_SECONDS, LastGood
from eksauth.authenticator.entries.model import AccessEntry
from eksauth.authenticator.entries.reader import EntryReader
from eksauth.authenticator.entries.table import EntryTable
from eksauth.authenticator.mapping.model import Problem, Problems, Source
from eksauth.errors import ConfigError

LEASE = "eksauth-accessentries"
_KIND = "accessentries"


def access_entry_backend(
    where: Where,
    *,
    partition: str,
    grace: float = GRACE_SECONDS,
    ears: Ears | None = None,
    tick: Callable[[], float] = time.monotonic,
    backoff: Backoff | None = None,
    term: Term | None = None,
) -> KubeBackend[EntryTable]:
    """Return the backend."""
    ears = ears or Ears()
    reader = AccessEntries(partition)
    last_good = LastGood(MODE, EntryTable(()), grace=grace, notice=ears.notice, tick=tick)
    status = StatusWriter(
        where, ACCESS_ENTRIES, ACCESS_ENTRIES.Status, LEASE, lambda: reader.verdicts, remark=ears.remark, term=term
    )
    return KubeBackend(
        MODE,
        "AccessEntry objects",
        where,
        Selection(ACCESS_ENTRIES),
        build=in_thread(reader.read),
        last_good=last_good,
        ears=ears,
        companions=(status,),
        backoff=backoff,
    )


@dataclass(frozen=True, slots=True)
class _Reading:
    entry: AccessEntry | None
    generation: int
    problems: tuple[Problem, ...]


class AccessEntries:
    """Reads the objects; ``verdicts`` are what is thought of each, by name."""

    def __init__(self, partition: str) -> None:
        self.verdicts: dict[str, Verdict] = {}
        self._partition = partition
        self._read_once = ReadOnce(self._read)

    def read(self, objects: tuple[Object, ...]) -> Content[EntryTable]:
        """Return what the objects say: of several for one principal the oldest counts, then the first by name."""
        problems = Problems()
        verdicts: dict[str, Verdict] = {}
        winners: dict[str, tuple[str, AccessEntry]] = {}
        for name, reading in self._read_once.all(objects):
            for problem in reading.problems:
                problems.add(problem)
            trouble: str | None = None
            if reading.entry is None:
                trouble = reading.problems[0].message if reading.problems else "the object cannot be used"
            elif reading.entry.lookup_arn in winners:
                older, _ = winners[reading.entry.lookup_arn]
                trouble = f"{reading.entry.principal_arn} has an older entry, {older}; this one counts for nothing"
                problems.add(Problem("entries.duplicate", trouble, reading.entry.source, "keep one of them"))
            else:
                winners[reading.entry.lookup_arn] = name, reading.entry
            status = {
                "accepted": trouble is None,
                "reason": trouble or "; ".join(problem.message for problem in reading.problems) or None,
                "observedGeneration": reading.generation,
            }
            verdicts[name] = Verdict(status, trouble)
        self.verdicts = verdicts
        table = EntryTable([entry for _, entry in winners.values()], problems.found)
        return Content(table, len(table), table.problems, gone="every AccessEntry was deleted or is unusable")

    def _read(self, item: Object) -> _Reading:
        name = f"{_KIND}/{item['metadata']['name']}"
        generation = item["metadata"].get("generation")
        problems = Problems()
        entry: AccessEntry | None = None
        try:
            file, root = as_yaml(item.get("spec"), name)
            entry = EntryReader(file, problems, partition=self._partition).entry(root)
        except ConfigError as error:
            problems.add(Problem("entries.skipped", f"skipped: {error.message}", Source(name, 1), error.hint))
        return _Reading(entry, generation if isinstance(generation, int) else 0, tuple(problems.found))
