"""Mappings in a file that may change at any time: what the file backends have in common."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from eksauth.authenticator.backends.contract import BackendStatus
from eksauth.authenticator.backends.files.file_watch import Signature, signature_of, watch_file
from eksauth.authenticator.backends.last_good import LastGood
from eksauth.authenticator.identity import Identity
from eksauth.authenticator.mapping.model import Match, NotMapped, Problem
from eksauth.errors import ConfigError


class Table(Protocol):
    """Whatever answers lookups."""

    def lookup(self, identity: Identity) -> Match | NotMapped:
        """Return the entry that decides, or why there is none."""


T = TypeVar("T", bound=Table)


@dataclass(frozen=True, slots=True)
class Loaded(Generic[T]):
    """One content of a file."""

    table: T
    entries: int
    problems: tuple[Problem, ...] = ()


class FileBackend(Generic[T]):
    """A backend whose mappings are one file.

    :param load: reads the file without holding up the loop. Raises FileNotFoundError when there is none and
        ConfigError when it cannot be used.
    :param nothing: makes the table of a file that was deleted.
    """

    def __init__(
        self,
        name: str,
        path: Path,
        load: Callable[[], Awaitable[Loaded[T]]],
        last_good: LastGood[T],
        nothing: Callable[[], T],
    ) -> None:
        self.name = name
        self._nothing = nothing
        self._path = path
        self._load = load
        self._last_good = last_good
        self._task: asyncio.Task[None] | None = None
        self._one_at_a_time = asyncio.Lock()

    @property
    def table(self) -> T:
        """The table in force."""
        return self._last_good.table

    async def start(self) -> None:
        """Load the file and begin to watch it; a file that is missing or broken may come later."""
        seen = await asyncio.to_thread(signature_of, self._path)
        await self._take()
        self._task = asyncio.create_task(self._watch(seen), name=f"watch {self.name}")

    def lookup(self, identity: Identity) -> Match | NotMapped:
        """Return the entry that decides, or why there is none."""
        return self._last_good.table.lookup(identity)

    def status(self) -> BackendStatus:
        """Return how it is doing."""
        return self._last_good.status()

    async def reload(self) -> None:
        """Load again now; a held change takes effect."""
        await self._take()
        self._last_good.apply_held()

    async def close(self) -> None:
        """Stop watching."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _watch(self, seen: Signature) -> None:
        await watch_file(self._path, self._take, seen=seen)

    async def _take(self) -> None:
        async with self._one_at_a_time:
            try:
                loaded = await self._load()
            except FileNotFoundError:
                self._gone()
            except ConfigError as error:
                self._last_good.fail(error.message)
            except OSError as error:
                self._last_good.fail(f"{self._path}: {(error.strerror or 'unreadable').lower()}")
            else:
                self._last_good.accept(loaded.table, loaded.entries, loaded.problems, gone=f"{self._path} was emptied")

    def _gone(self) -> None:
        if self._last_good.entries:
            self._last_good.accept(self._nothing(), 0, gone=f"{self._path} was deleted")
        else:
            self._last_good.fail(f"{self._path}: no such file")
