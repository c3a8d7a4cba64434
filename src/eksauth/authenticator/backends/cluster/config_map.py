"""The ``EKSConfigMap`` backend: ``aws-auth`` in ``kube-system``, watched; each section keeps its last good entries.

The reference replaces everything with whatever parses, so that one typo in ``mapRoles`` locks out every node; here a
section that does not parse, or none of whose entries can be used, leaves the entries that it had.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeAlias

from eksauth.authenticator.backends.cluster.backoff import Backoff
from eksauth.authenticator.backends.cluster.events import EventWriter, Subject
from eksauth.authenticator.backends.cluster.kube_api import CONFIG_MAPS, Object
from eksauth.authenticator.backends.cluster.kube_backend import Content, Ears, KubeBackend
from eksauth.authenticator.backends.cluster.kube_where import Where
from eksauth.authenticator.backends.cluster.list_watch import Selection
from eksauth.authenticator.backends.files.reading.jobs import SectionJob
from eksauth.authenticator.backends.files.reading.read import paced, read
from eksauth.authenticator.backends.last_good import GRACE_SECONDS, LastGood, Notice
from eksauth.authenticator.mapping.aws_auth import (
    SECTIONS,
    AwsAuthBackend,
    mappings_of,
    report_other_section,
    section_problem,
)
from eksauth.authenticator.mapping.model import (
    AccountMapping,
    Mappings,
    Problem,
    Problems,
    RoleMapping,
    Source,
    UserMapping,
)
from eksauth.errors import ConfigError

MODE = AwsAuthBackend.name
NAMESPACE, NAME = "kube-system", "aws-auth"
_SHOWN_PROBLEMS = 3
Entries: TypeAlias = tuple[RoleMapping | UserMapping | AccountMapping, ...]


def config_map_backend(
    where: Where,
    *,
    grace: float = GRACE_SECONDS,
    ears: Ears | None = None,
    tick: Callable[[], float] = time.monotonic,
    backoff: Backoff | None = None,
) -> KubeBackend[AwsAuthBackend]:
    """Return the backend."""
    ears = ears or Ears()
    events = EventWriter(where, remark=ears.remark)
    teller = _Teller(ears.notice, events)
    last_good = LastGood(MODE, AwsAuthBackend(Mappings()), grace=grace, notice=teller, tick=tick)
    sections = Sections(lambda: last_good.entries > 0, teller.about)
    return KubeBackend(
        MODE,
        f"the ConfigMap {NAME} in {NAMESPACE}",
        where,
        Selection(CONFIG_MAPS, NAMESPACE, f"metadata.name={NAME}"),
        build=sections.read,
        last_good=last_good,
        ears=ears,
        companions=(events,),
        backoff=backoff,
    )


class Sections:
    """Reads the ConfigMap, and remembers the last good entries of each section.

    :param in_force: tells whether any entries are in force; where none are, because the ConfigMap stayed empty for
        longer than the grace period, a broken section does not bring its old entries back.
    :param seen: told of each ConfigMap.
    """

    def __init__(self, in_force: Callable[[], bool], seen: Callable[[Object], None]) -> None:
        self._in_force = in_force
        self._seen = seen
        self._good: dict[str, Entries] = {}

    async def read(self, objects: tuple[Object, ...]) -> Content[AwsAuthBackend]:
        """Return what the ConfigMap says; without one, nothing."""
        if not self._in_force():
            self._good.clear()
        if not objects:
            return Content(AwsAuthBackend(Mappings()), 0, gone=f"the ConfigMap {NAME} was deleted")
        self._seen(objects[0])
        problems = Problems()
        data = _texts(objects[0], "data")
        found: dict[str, Entries] = {}
        broken = []
        for key in SECTIONS:
            found[key], failure = await self._section(key, data.get(key, ""), problems)
            if failure is not None:
                broken.append(failure)
        for key in data:
            if key not in SECTIONS:
                report_other_section(problems, key, NAME)
        for key in SECTIONS:
            if key in _texts(objects[0], "binaryData"):
                message, hint = f"{key} is in binaryData, where nobody looks", "move it to data"
                problems.add(Problem("mapping.ignored_section", message, Source(NAME, 1), hint))
        table = await paced(AwsAuthBackend.in_steps(mappings_of(found), tuple(problems.found)))
        self._good = found
        return Content(
            table,
            sum(len(entries) for entries in found.values()),
            table.problems,
            failure="; ".join(broken) or None,
            gone=f"the ConfigMap {NAME} was emptied",
        )

    async def _section(self, key: str, text: str, problems: Problems) -> tuple[Entries, str | None]:
        kept = self._good.get(key, ())
        becomes = f"{key} keeps its last {len(kept)} entries" if kept else f"{key} counts for nothing"
        name = f"{NAME}/{key}"
        try:
            content = await read(SectionJob(key, text, name))
        except ConfigError as error:
            problems.add(section_problem("mapping.section_kept", becomes, error, name))
            return kept, f"{becomes}: {error.message}"
        mappings = content.mappings
        entries: Entries = (*mappings.roles, *mappings.users, *mappings.accounts)
        for problem in content.problems:
            problems.add(problem)
        dropped = [problem for problem in content.problems if problem.code == "mapping.entry_dropped"]
        if kept and not entries and dropped:
            return kept, f"{becomes}: {dropped[0]}"
        return entries, None


class _Teller:
    """Passes notices on, and writes them as events on the ConfigMap."""

    def __init__(self, notice: Callable[[Notice], None], events: EventWriter) -> None:
        self._notice = notice
        self._events = events
        self._subject: Subject | None = None
        self._loaded = False

    def about(self, config_map: Object) -> None:
        """Take the ConfigMap that later notices are about."""
        self._subject = Subject.of(config_map, "v1", "ConfigMap")

    def __call__(self, notice: Notice) -> None:
        """Take one notice."""
        self._notice(notice)
        first, self._loaded = not self._loaded, True
        if self._subject is None:
            return
        if notice.kind != "loaded":
            reason = {"failed": "MappingsBroken", "held": "MappingsHeld", "applied": "MappingsGone"}[notice.kind]
            self._events.tell(self._subject, "Warning", reason, notice.message)
            return
        if notice.problems:
            some = "; ".join(str(problem) for problem in notice.problems[:_SHOWN_PROBLEMS])
            more = f" (and {len(notice.problems) - _SHOWN_PROBLEMS} more)"
            text = some + (more if len(notice.problems) > _SHOWN_PROBLEMS else "")
            self._events.tell(self._subject, "Warning", "MappingProblems", text)
        if not first:
            self._events.tell(self._subject, "Normal", "MappingsLoaded", notice.message)


def _texts(config_map: Object, key: str) -> dict[str, str]:
    found = config_map.get(key)
    return {str(name): str(text) for name, text in found.items()} if isinstance(found, dict) else {}
