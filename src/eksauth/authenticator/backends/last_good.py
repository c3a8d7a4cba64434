"""What is in force while its replacement is broken or would lock everybody out.

A load that fails changes nothing. A load without a single entry, after one that had some, is held for a grace period:
whoever emptied or deleted the mappings by mistake has that long before anybody notices.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from eksauth.authenticator.backends.contract import BackendStatus
from eksauth.authenticator.mapping.model import Problem

T = TypeVar("T")
GRACE_SECONDS = 600.0
NoticeKind = Literal["loaded", "failed", "held", "applied"]


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that happened to a backend's mappings, for log, metrics and events.

    :ivar kind: ``loaded``: new ones are in force; ``failed``: the newest are not, the old ones stay; ``held``: they
        were emptied and the old ones stay for a while; ``applied``: the while is over.
    :ivar message: one line for people.
    :ivar problems: of the entries that were loaded.
    """

    mode: str
    kind: NoticeKind
    message: str
    entries: int
    problems: tuple[Problem, ...] = ()


class LastGood(Generic[T]):
    """The table in force, and what becomes of newer ones.

    :param mode: of the backend, for status and notices.
    :param empty: the table before anything was loaded.
    :param grace: seconds that an emptied table is held; 0 holds nothing.
    :param notice: told of everything that happens.
    :param clock: epoch seconds, for people.
    :param tick: monotonic seconds, for the grace period: a clock that is set forward must not lock anybody out.
    :param put_away: takes each table that was replaced and is asked no more.
    """

    def __init__(
        self,
        mode: str,
        empty: T,
        *,
        grace: float = GRACE_SECONDS,
        notice: Callable[[Notice], None] = lambda _notice: None,
        clock: Callable[[], float] = time.time,
        tick: Callable[[], float] = time.monotonic,
        put_away: Callable[[T], None] = lambda _table: None,
    ) -> None:
        self._mode = mode
        self._table = empty
        self._grace = grace
        self._notice = notice
        self._clock = clock
        self._tick = tick
        self._put_away = put_away
        self._entries = 0
        self._generation = 0
        self._loaded_at: float | None = None
        self._failure: str | None = None
        self._problems: tuple[Problem, ...] = ()
        self._held: tuple[T, float, str] | None = None

    @property
    def table(self) -> T:
        """The table to answer from."""
        if self._held is not None and self._tick() >= self._held[1]:
            self.apply_held()
        return self._table

    @property
    def entries(self) -> int:
        """How many entries are in force."""
        return self._entries

    def accept(
        self,
        table: T,
        entries: int,
        problems: tuple[Problem, ...] = (),
        *,
        failure: str | None = None,
        gone: str = "the mappings were emptied",
    ) -> None:
        """Put a loaded table in force, unless it would lock everybody out.

        :param failure: part of the newest content is broken, and the table has the last good part in its place.
        :param gone: how to say that nothing is left.
        """
        self._problems, self._failure = problems, failure
        if entries == 0 and self._entries > 0 and self._grace > 0:
            if self._held is None:
                until = self._tick() + self._grace
                self._held = (table, until, gone)
                self._tell("held", f"{gone}; the last {self._entries} stay in force for {self._grace:g} seconds")
            else:
                self._held = (table, *self._held[1:])
            return
        self._held = None
        self._put(table, entries)
        if failure is None:
            self._tell("loaded", f"{entries} entries are in force")
        else:
            self._tell("failed", failure)

    def fail(self, message: str) -> None:
        """Keep what is in force, because the newest content cannot be used."""
        if message != self._failure:
            self._failure = message
            self._tell("failed", message)

    def apply_held(self) -> None:
        """Let an emptied table take effect now; nothing happens when none is held."""
        if self._held is None:
            return
        table, _, gone = self._held
        self._held = None
        self._put(table, 0)
        self._tell("applied", f"{gone}, and nobody is mapped by this backend any more")

    def status(self) -> BackendStatus:
        """Return how it is doing."""
        return BackendStatus(
            mode=self._mode,
            synced=self._generation > 0,
            entries=self._entries,
            generation=self._generation,
            loaded_at=self._loaded_at,
            failure=self._failure,
            held_until=None if self._held is None else self._clock() + self._held[1] - self._tick(),
            problems=self._problems,
        )

    def _put(self, table: T, entries: int) -> None:
        replaced, self._table, self._entries = self._table, table, entries
        self._generation += 1
        self._loaded_at = self._clock()
        self._put_away(replaced)

    def _tell(self, kind: NoticeKind, message: str) -> None:
        self._notice(Notice(self._mode, kind, message, self._entries, self._problems if kind == "loaded" else ()))
