"""What the backends have in common whose mappings are objects in a cluster."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeAlias, TypeVar

from eksauth.authenticator.backends.cluster.backoff import Backoff
from eksauth.authenticator.backends.cluster.kube_api import ApiFailure, Object
from eksauth.authenticator.backends.cluster.kube_where import Where
from eksauth.authenticator.backends.cluster.list_watch import ListWatch, Selection
from eksauth.authenticator.backends.contract import BackendStatus
from eksauth.authenticator.backends.files.file_backend import Table
from eksauth.authenticator.backends.last_good import LastGood, Notice
from eksauth.authenticator.identity import Identity
from eksauth.authenticator.mapping.model import Match, NotMapped, Problem
from eksauth.errors import EksauthError

T = TypeVar("T", bound=Table)


@dataclass(frozen=True, slots=True)
class Content(Generic[T]):
    """What the objects say together.

    :ivar failure: a part of it is broken, and the table has the last good part in its place.
    :ivar gone: how to say that nothing is left, if nothing is.
    """

    table: T
    entries: int
    problems: tuple[Problem, ...] = ()
    failure: str | None = None
    gone: str = "the mappings were emptied"


Build: TypeAlias = Callable[[tuple[Object, ...]], Awaitable[Content[T]]]


class Companion(Protocol):
    """Something that works beside a backend: writes events or status."""

    def start(self) -> None:
        """Begin to work in tasks."""

    def saw(self, objects: tuple[Object, ...]) -> None:
        """Take the objects in their newest form; called in the event loop."""

    async def close(self) -> None:
        """End every task and connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ears:
    """Who is told what.

    :ivar notice: of everything that happens to mappings.
    :ivar watch_failed: of every attempt to list or watch that failed, with the backend's mode.
    :ivar remark: of what only people want to know, such as events that may not be written.
    """

    notice: Callable[[Notice], None] = lambda _notice: None
    watch_failed: Callable[[str], None] = lambda _mode: None
    remark: Callable[[str], None] = lambda _message: None


class KubeBackend(Generic[T]):
    """A backend whose mappings are objects of one kind.

    :param what: the objects, for messages.
    :param build: makes the content of objects without holding up the loop.
    :param companions: started after the first load, closed with the backend.
    """

    def __init__(
        self,
        name: str,
        what: str,
        where: Where,
        selection: Selection,
        *,
        build: Build[T],
        last_good: LastGood[T],
        ears: Ears,
        companions: Sequence[Companion] = (),
        backoff: Backoff | None = None,
    ) -> None:
        self.name = name
        self._what = what
        self._where = where
        self._build = build
        self._last_good = last_good
        self._ears = ears
        self._companions = companions
        self._applied: frozenset[tuple[str, str]] | None = None
        self._outage: tuple[int, str] | None = None
        self._watch = ListWatch(where, selection, apply=self._take, failed=self._fail, backoff=backoff)

    @property
    def table(self) -> T:
        """The table in force."""
        return self._last_good.table

    async def start(self) -> None:
        """List the objects and begin to watch them; an API that does not answer may do so later.

        :raises ConfigError: when there is no way to reach an API.
        """
        await asyncio.to_thread(self._where.target)
        for companion in self._companions:
            companion.start()
        await self._watch.start()

    def lookup(self, identity: Identity) -> Match | NotMapped:
        """Return the entry that decides, or why there is none."""
        return self._last_good.table.lookup(identity)

    def status(self) -> BackendStatus:
        """Return how it is doing."""
        status = self._last_good.status()
        return status if self._outage is None else replace(status, failure=self._outage[1])

    async def reload(self) -> None:
        """List and read again now; a held change takes effect."""
        self._applied = None
        await self._watch.again()
        self._last_good.apply_held()

    async def close(self) -> None:
        """End every task and connection."""
        await self._watch.close()
        for companion in self._companions:
            await companion.close()

    async def _take(self, objects: tuple[Object, ...]) -> None:
        versions = frozenset((_uid(item), str(item["metadata"].get("resourceVersion"))) for item in objects)
        back, self._outage = self._outage is not None, None
        if versions != self._applied:
            _ = self._last_good.table  # lets a hold that is over take effect before anything is compared with it
            content = await self._build(objects)
            self._applied = versions
            self._last_good.accept(
                content.table, content.entries, content.problems, failure=content.failure, gone=content.gone
            )
        elif back:
            entries = self._last_good.entries
            message = f"the API answers again; {entries} entries are in force"
            self._ears.notice(Notice(self.name, "loaded", message, entries))
        for companion in self._companions:
            companion.saw(objects)

    def _fail(self, error: EksauthError) -> None:
        self._ears.watch_failed(self.name)
        entries = self._last_good.entries
        message = f"cannot watch {self._what}: {error.message}; the {entries} entries known stay in force"
        kind = error.status if isinstance(error, ApiFailure) else -1
        if self._outage is None or self._outage[0] != kind:
            self._ears.notice(Notice(self.name, "failed", message, entries))
        self._outage = (kind, message)


def in_thread(build: Callable[[tuple[Object, ...]], Content[T]]) -> Build[T]:
    """Return a build that does its work in a thread, one call at a time."""
    one_at_a_time = threading.Lock()

    def built(objects: tuple[Object, ...]) -> Content[T]:
        with one_at_a_time:  # a thread goes on when its task is cancelled
            return build(objects)

    async def build_apart(objects: tuple[Object, ...]) -> Content[T]:
        return await asyncio.to_thread(built, objects)

    return build_apart


def _uid(item: Object) -> str:
    metadata = item["metadata"]
    return str(metadata.get("uid") or metadata["name"])
