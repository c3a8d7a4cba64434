"""The configuration in force while the server runs, and how a newer one takes its place.

A configuration that cannot be used changes nothing. Backends that the newer one asks for in the same way go on, with
all they know; others are started before they are asked, and those that are no longer asked are closed afterwards. No
request waits for any of it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import fields
from pathlib import Path

from eksauth.authenticator.backends.assemble import Notify, Recipe, Surroundings, check_backends, recipes
from eksauth.authenticator.backends.chain import BackendChain
from eksauth.authenticator.backends.contract import Backend
from eksauth.authenticator.backends.files.file_watch import signature_of, watch_file
from eksauth.authenticator.backends.files.mode_file import read_mode_file
from eksauth.authenticator.backends.files.mounted import MountedBackend
from eksauth.authenticator.backends.last_good import Notice, NoticeKind
from eksauth.authenticator.config import ServerConfig
from eksauth.authenticator.entries.table import EntryTable
from eksauth.errors import ConfigError

CHANGEABLE = frozenset(
    (
        "backend_modes",
        "mappings",
        "scrubbed_accounts",
        "reserved_prefixes",
        "dynamic_file",
        "dynamic_file_strict",
        "dynamic_backend_mode_file",
        "access_entries_file",
        "kubeconfig",
        "master",
        "empty_grace_seconds",
        "warnings",
    )
)
"""Fields of a configuration that take effect while the server runs; the others need a restart."""
_WHO = "configuration"


class LiveConfiguration:
    """Owns the backends.

    :param config: what the server starts with.
    :param read: reads the configuration again without holding up the loop; raises ConfigError. None when it came from
        no file.
    :param path: the file to watch, None for none.
    :param adopted: told of each configuration that took effect after the first.
    :param mode_switched: told how many seconds old a change of the backend list was when it took effect.
    :param watch_failed: told the mode of a backend whenever it could not list or watch its objects.
    :param remark: told what only people want to know.
    """

    def __init__(
        self,
        config: ServerConfig,
        *,
        notice: Notify,
        read: Callable[[], Awaitable[ServerConfig]] | None = None,
        path: Path | None = None,
        adopted: Callable[[ServerConfig], None] = lambda _config: None,
        dynamic_file_age: Callable[[float], None] = lambda _seconds: None,
        mode_switched: Callable[[float], None] = lambda _seconds: None,
        watch_failed: Callable[[str], None] = lambda _mode: None,
        remark: Callable[[str], None] = lambda _message: None,
    ) -> None:
        self.config = config
        self.chain = BackendChain(())
        self._notice = notice
        self._read = read
        self._path = path
        self._adopted = adopted
        self._mode_switched = mode_switched
        self._surroundings = Surroundings(
            notice=notice,
            reread=self._reread,
            dynamic_file_age=dynamic_file_age,
            watch_failed=watch_failed,
            remark=remark,
        )
        self._running: dict[tuple[object, ...], Backend] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._changing = asyncio.Lock()
        self._modes: tuple[str, ...] | None = None

    def entry_table(self) -> EntryTable | None:
        """Return the access entries in force, None when no backend has any."""
        for backend in self.chain.backends:
            table = getattr(backend, "table", None)
            if isinstance(table, EntryTable):
                return table
        return None

    async def start(self) -> None:
        """Start the backends and the watches.

        :raises ConfigError: when a backend can never work as configured.
        """
        check_backends(self.config)
        seen = signature_of(self._path) if self._path is not None else None
        mode_file = self.config.dynamic_backend_mode_file
        mode_seen = signature_of(mode_file) if mode_file is not None else None
        if mode_file is not None:
            await self._take_mode_file(mode_file, first=True)
        await self._exchange(self.config)
        if self._path is not None and self._read is not None:
            self._watch(watch_file(self._path, self._reread, seen=seen), "configuration")
        if mode_file is not None:
            self._watch(watch_file(mode_file, lambda: self._take_mode_file(mode_file), seen=mode_seen), "backend modes")

    async def reload(self) -> None:
        """Read everything again, as SIGHUP asks; what was emptied takes effect."""
        await self._reread()
        for backend in self.chain.backends:
            await backend.reload()

    async def close(self) -> None:
        """End the watches and the backends."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        async with self._changing:
            for backend in self.chain.exchange(()):
                await backend.close()
            self._running.clear()

    def _watch(self, watch: Coroutine[None, None, None], what: str) -> None:
        self._tasks.append(asyncio.create_task(watch, name=f"watch {what}"))

    async def _reread(self) -> None:
        if self._read is None:
            return
        async with self._changing:
            try:
                newer = await self._read()
                check_backends(newer)
                await self._exchange(newer)
            except ConfigError as error:
                self._tell("failed", f"the newer configuration is not used: {error.message}")
                for backend in self.chain.backends:
                    if isinstance(backend, MountedBackend):
                        backend.fail(error.message)
                return
            stuck = [
                field.name
                for field in fields(ServerConfig)
                if field.name not in CHANGEABLE and getattr(newer, field.name) != getattr(self.config, field.name)
            ]
            mounted = [backend for backend in self.chain.backends if isinstance(backend, MountedBackend)]
            tables = [await backend.prepared(newer.mappings, newer.warnings) for backend in mounted]
            # mappings and the rules about them change in one step, for no request sees one without the other
            self.config = newer
            for backend, table in zip(mounted, tables, strict=True):
                backend.take(table)
            self._adopted(newer)
            if stuck:
                self._tell("failed", f"these changes need a restart: {', '.join(stuck)}")

    async def _take_mode_file(self, path: Path, *, first: bool = False) -> None:
        async with contextlib.nullcontext() if first else self._changing:
            before = self._modes
            try:
                content = await asyncio.to_thread(read_mode_file, path)
                self._modes = content.modes if content is not None else None
                if not first:
                    await self._exchange(self.config)
            except ConfigError as error:
                self._modes = before
                self._tell("failed", f"the backend list stays as it is: {error.message}")
                return
            age = content.age() if content is not None else None
            if age is not None:
                self._mode_switched(age)

    async def _exchange(self, config: ServerConfig) -> None:
        """Put the backends of ``config`` in force; raises ConfigError and changes nothing when one cannot be had."""
        modes = self._modes or config.backend_modes
        wanted = recipes(config, modes, self._surroundings)
        started = await self._started([recipe for recipe in wanted if recipe.key not in self._running])
        running = {recipe.key: started.get(recipe.key) or self._running[recipe.key] for recipe in wanted}
        before = tuple(backend.name for backend in self.chain.backends)
        self.chain.exchange(list(running.values()))
        gone = [backend for key, backend in self._running.items() if key not in running]
        self._running = running
        if before and (started or gone):
            self._tell("loaded", f"backends are now {', '.join(modes)}")
        for backend in gone:
            await backend.close()

    async def _started(self, new: list[Recipe]) -> dict[tuple[object, ...], Backend]:
        started: dict[tuple[object, ...], Backend] = {}
        for recipe in new:
            backend = recipe.make()
            try:
                await backend.start()
            except BaseException:
                for other in (backend, *started.values()):
                    await other.close()
                raise
            started[recipe.key] = backend
        return started

    def _tell(self, kind: NoticeKind, message: str) -> None:
        self._notice(Notice(_WHO, kind, message, 0))
