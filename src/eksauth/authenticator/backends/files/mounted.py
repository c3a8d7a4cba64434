"""The ``MountedFile`` backend: the mappings of the server's own configuration file, handed in at each reload."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from eksauth.authenticator.backends.contract import BackendStatus
from eksauth.authenticator.backends.files.file_backend import Loaded
from eksauth.authenticator.backends.files.reading.read import paced
from eksauth.authenticator.backends.last_good import GRACE_SECONDS, LastGood, Notice
from eksauth.authenticator.backends.put_away import put_away
from eksauth.authenticator.identity import Identity
from eksauth.authenticator.mapping.model import Mappings, Match, NotMapped, Problem
from eksauth.authenticator.mapping.mounted_file import MountedFileBackend

MODE = MountedFileBackend.name


async def _nothing_to_do() -> None:
    return


class MountedBackend:
    """Mappings that somebody else reads, because they are a part of a larger file.

    :param reread: reads that file again and calls :meth:`take`.
    """

    name = MODE

    def __init__(
        self,
        mappings: Mappings,
        *,
        grace: float = GRACE_SECONDS,
        notice: Callable[[Notice], None] = lambda _notice: None,
        reread: Callable[[], Awaitable[None]] = _nothing_to_do,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._initial: Mappings | None = mappings
        self._reread = reread
        self._last_good = LastGood(
            MODE, MountedFileBackend(Mappings()), grace=grace, notice=notice, clock=clock, put_away=put_away
        )

    async def prepared(self, mappings: Mappings, problems: tuple[Problem, ...] = ()) -> Loaded[MountedFileBackend]:
        """Return the mappings of a newer file as what :meth:`take` takes; requests are answered meanwhile."""
        table = await paced(MountedFileBackend.in_steps(mappings))
        entries = len(mappings.roles) + len(mappings.users) + len(mappings.accounts)
        return Loaded(table, entries, (*problems, *table.problems))

    def take(self, loaded: Loaded[MountedFileBackend]) -> None:
        """Put the mappings of a newer file in force."""
        self._last_good.accept(loaded.table, loaded.entries, loaded.problems, gone="the mappings of the file are gone")

    def fail(self, message: str) -> None:
        """Keep what is in force, because the newer file cannot be used."""
        self._last_good.fail(message)

    async def start(self) -> None:
        """Put the mappings in force that the server started with."""
        mappings, self._initial = self._initial or Mappings(), None  # kept, they would outlive what replaces them
        self.take(await self.prepared(mappings))

    def lookup(self, identity: Identity) -> Match | NotMapped:
        """Return the entry that decides, or why there is none."""
        return self._last_good.table.lookup(identity)

    def status(self) -> BackendStatus:
        """Return how it is doing."""
        return self._last_good.status()

    async def reload(self) -> None:
        """Have the file read again; a held change takes effect."""
        await self._reread()
        self._last_good.apply_held()

    async def close(self) -> None:
        """Nothing runs."""
