"""One server from its start to its end: signals, the service manager, and what is told to whoever waits."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Awaitable, Callable

from eksauth.authenticator.server.certs import ServerCertificate
from eksauth.authenticator.server.decision_log import LOGGER_NAME
from eksauth.authenticator.server.doors.side_ports import SidePorts
from eksauth.authenticator.server.notify import Notifier
from eksauth.authenticator.server.process import AuthenticatorServer
from eksauth.authenticator.server.ready_file import announce, take_away

_log = logging.getLogger(LOGGER_NAME)
Reload = Callable[[], Awaitable[None]]


class Ending:
    """SIGTERM and SIGINT: the first one is for an orderly end, the second one for a quick one."""

    def __init__(self) -> None:
        self.stopping = asyncio.Event()
        self.hurry = asyncio.Event()
        self.signals: list[int] = []

    def received(self, number: int) -> None:
        """Take a signal."""
        (self.hurry if self.signals else self.stopping).set()
        self.signals.append(number)

    def watch(self) -> None:
        """Take both signals from now on."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self.received, number)

    def unwatch(self) -> None:
        """Take neither any more, nor SIGHUP."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            asyncio.get_running_loop().remove_signal_handler(number)

    @property
    def exit_code(self) -> int:
        """0 for an orderly end, 128 and the second signal otherwise."""
        return 128 + self.signals[1] if self.hurry.is_set() else 0


class Reloads:
    """SIGHUP: reads everything again, one at a time, and tells the service manager."""

    def __init__(self, reload: Reload, notifier: Notifier) -> None:
        self._reload = reload
        self._notifier = notifier
        self._one_at_a_time = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def watch(self) -> None:
        """Take SIGHUP from now on."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._begin)

    def cancel(self) -> None:
        """End those that are under way."""
        for task in self._tasks:
            task.cancel()

    def _begin(self) -> None:
        task = asyncio.ensure_future(self._all())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _all(self) -> None:
        async with self._one_at_a_time:
            _log.info("reloading", extra={"fields": {"signal": "SIGHUP"}})
            self._notifier.reloading()
            try:
                await self._reload()
            finally:
                self._notifier.ready("reloaded")


async def run(
    server: AuthenticatorServer,
    reload: Reload,
    *,
    notifier: Notifier,
    sides: SidePorts | None = None,
    ending: Ending | None = None,
    started: Callable[[ServerCertificate], Awaitable[None]] | None = None,
) -> int:
    """Serve until told to stop and return the exit code.

    :param reload: reads configuration and mappings again.
    :param sides: further ports, open as long as the server is.
    :param started: called once the server listens, instead of announcing that it does.
    """
    settings = server.settings
    ending = ending or Ending()

    async def reload_all() -> None:
        await reload()
        await server.reload()
        server.seen.last_reload = time.time()

    reloads = Reloads(reload_all, notifier)
    ending.watch()
    # one that was killed left its file behind
    take_away(settings)
    watchdog = asyncio.create_task(notifier.watch(_alive), name="watchdog")
    try:
        certificate = await server.start(time.time())
        if sides is not None:
            await sides.start()
        reloads.watch()
        if started is not None:
            await started(certificate)
        else:
            announce(settings, certificate, server.url, server.port, sides.facts if sides is not None else {})
            notifier.ready(f"answering on port {server.port}")
        await ending.stopping.wait()
        name = signal.Signals(ending.signals[0]).name if ending.signals else "the supervisor is gone"
        _log.info("stopping", extra={"fields": {"signal": name}})
        notifier.stopping()
    finally:
        take_away(settings)
        reloads.cancel()
        await server.stop(ending.hurry)
        if sides is not None:
            await sides.close()
        watchdog.cancel()
        ending.unwatch()
    _log.info("stopped")
    return ending.exit_code


async def _alive() -> bool:
    """Return True: whoever gets to run this is alive."""
    return True
