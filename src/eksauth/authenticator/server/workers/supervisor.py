"""Several server processes on one port: starts them, starts them again, passes signals on, and speaks for all.

The port is shared with SO_REUSEPORT, so the kernel spreads connections over the processes. Certificate, webhook
kubeconfig and ready file are made here, once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from eksauth.authenticator.server import webhook_kubeconfig as kubeconfig
from eksauth.authenticator.server.cert_reload import CertificateReload
from eksauth.authenticator.server.certs import load_or_make
from eksauth.authenticator.server.decision_log import LOGGER_NAME
from eksauth.authenticator.server.doors.listening import reserve
from eksauth.authenticator.server.doors.side_ports import SidePorts
from eksauth.authenticator.server.launch import Launch
from eksauth.authenticator.server.lifecycle import Ending, Reloads
from eksauth.authenticator.server.notify import Notifier
from eksauth.authenticator.server.process import tls_context
from eksauth.authenticator.server.ready_file import announce, take_away
from eksauth.authenticator.server.settings import ServerSettings
from eksauth.authenticator.server.workers.channel import Channel, ChannelError
from eksauth.authenticator.server.workers.merged_metrics import Snapshot, merge, what_stays
from eksauth.authenticator.server.workers.merged_view import MergedView
from eksauth.authenticator.server.workers.worker import FAILED_TO_START, send_launch
from eksauth.errors import ConfigError
from eksauth.files import why

_log = logging.getLogger(LOGGER_NAME)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_STEADY_SECONDS = 60.0
_LOOK_EVERY = 5.0
_PATIENCE = 10.0
"""Seconds beyond the grace period after which a worker that does not end is killed."""


@dataclass(eq=False)
class Worker:
    """A process and the line to it."""

    process: asyncio.subprocess.Process
    channel: Channel
    began: float
    started: asyncio.Event = field(default_factory=asyncio.Event)
    last: Snapshot = field(default_factory=list)


class Supervisor:
    """Runs ``count`` workers until told to stop."""

    def __init__(self, launch: Launch, settings: ServerSettings, count: int) -> None:
        self._settings = settings
        self._launch = launch
        self._count = count
        self._workers: set[Worker] = set()
        self._ending = Ending()
        self._all_started = asyncio.Event()
        self._failed: asyncio.Future[int] | None = None
        self.gone: Snapshot = []
        self.view = MergedView(self)

    @property
    def count(self) -> int:
        """How many workers there should be."""
        return self._count

    @property
    def draining(self) -> bool:
        """Whether the end has begun."""
        return self._ending.stopping.is_set()

    def listening(self) -> list[Worker]:
        """Return the workers that serve."""
        return [worker for worker in self._workers if worker.started.is_set()]

    async def run(self) -> int:
        """Serve until told to stop and return the exit code.

        :raises ConfigError: when something that the configuration names cannot be used.
        """
        settings, notifier = self._settings, Notifier()
        take_away(settings)
        names = (settings.address, settings.hostname)
        certificate = await asyncio.to_thread(load_or_make, settings.state_dir, names, time.time())
        holding = reserve(settings.address, settings.port)
        port: int = holding.getsockname()[1]
        url = kubeconfig.server_url(settings.hostname, port)
        if settings.kubeconfig is not None:
            content = kubeconfig.render(url, certificate.pem)
            await asyncio.to_thread(kubeconfig.write, settings.kubeconfig, content)
        self._launch = replace(self._launch, flags={**self._launch.flags, "port": port})
        renewal = CertificateReload(
            certificate,
            tls_context(certificate),
            clock=time.time,
            changed=lambda newer: kubeconfig.renew(settings.kubeconfig, url, newer.pem),
        )
        reloads = Reloads(lambda: self._reload(renewal), notifier)
        sides = SidePorts(settings, self.view)
        self._ending.watch()
        self._failed = asyncio.get_running_loop().create_future()
        keeping = [asyncio.create_task(self._keep(), name="worker") for _ in range(self._count)]
        helpers = [
            asyncio.create_task(renewal.watch(), name="watch certificate"),
            asyncio.create_task(self._look(), name="look at workers"),
            asyncio.create_task(notifier.watch(self._alive), name="watchdog"),
        ]
        code = 0
        try:
            await sides.start()
            if await self._until(self._all_started):
                reloads.watch()
                facts = {**sides.facts, "workers": [worker.process.pid for worker in self._workers]}
                announce(settings, certificate, url, port, facts)
                notifier.ready(f"{self._count} workers answer on port {port}")
                await self._until(self._ending.stopping)
        finally:
            self._ending.stopping.set()
            notifier.stopping()
            take_away(settings)
            reloads.cancel()
            await self._end(keeping)
            await sides.close()
            for task in helpers:
                task.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
            holding.close()
            self._ending.unwatch()
            code = self._failed.result() if self._failed.done() else self._ending.exit_code
        return code

    async def snapshots(self) -> list[Snapshot]:
        """Return the metrics of the workers, those that are gone included."""
        await asyncio.gather(*(self._count_of(worker) for worker in self.listening()))
        return [worker.last for worker in self._workers] + [self.gone]

    async def _until(self, event: asyncio.Event) -> bool:
        """Wait for an event; False when a worker cannot start or the end has begun."""
        assert self._failed is not None  # noqa: S101
        waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(one.wait()) for one in (event, self._ending.stopping)]
        await asyncio.wait([*waits, self._failed], return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        return event.is_set() and not self._failed.done()

    async def _keep(self) -> None:
        """Keep one worker running."""
        pause = _FIRST_PAUSE
        while not self.draining:
            try:
                worker = await self._start()
            except OSError as error:
                # no memory or no process to be had: perhaps later
                _log.error("a worker cannot be started", extra={"fields": {"error": why(error), "again_in": pause}})
                pause = await self._pause(pause)
                continue
            code = await worker.process.wait()
            await worker.channel.close()
            self._workers.discard(worker)
            self.gone = merge([self.gone, what_stays(worker.last)])
            if self._ending.stopping.is_set():
                return
            if code == FAILED_TO_START and not self._all_started.is_set():
                if self._failed is not None and not self._failed.done():
                    self._failed.set_result(code)
                return
            if time.monotonic() - worker.began > _STEADY_SECONDS:
                pause = _FIRST_PAUSE
            fields = {"pid": worker.process.pid, "code": code, "again_in": pause}
            _log.error("a worker has ended", extra={"fields": fields})
            self.view.restarts.inc()
            pause = await self._pause(pause)

    async def _pause(self, seconds: float) -> float:
        """Wait, unless the end comes first, and return how long the next pause is."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ending.stopping.wait()
        return min(seconds * 2, _LONGEST_PAUSE)

    async def _start(self) -> Worker:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        environ = {name: value for name, value in os.environ.items() if name not in _OURS_ALONE}
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "eksauth.authenticator.server.workers.worker",
                str(theirs.fileno()),
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
                env=environ,
                # a signal of the terminal is for us to pass on
                start_new_session=True,
            )
        worker = Worker(
            process, Channel(lambda subject, content: self._tell(worker, subject, content)), time.monotonic()
        )
        self._workers.add(worker)
        with contextlib.suppress(OSError):
            send_launch(ours, self._launch)
        await worker.channel.open(ours)
        return worker

    async def _tell(self, worker: Worker, subject: str, content: bytes) -> bytes:  # noqa: ARG002  no question has any
        if subject == "started":
            worker.started.set()
            if len(self.listening()) == self._count:
                self._all_started.set()
            return b""
        if subject == "metrics":
            return await self.view.metrics()
        if subject == "reports":
            return msgspec.json.encode(await self.view.reports())
        if subject == "ready":
            return msgspec.json.encode(await self.view.ready())
        raise ValueError(subject)

    async def _count_of(self, worker: Worker) -> None:
        with contextlib.suppress(ChannelError):
            worker.last = msgspec.json.decode(await worker.channel.ask("samples"), type=Snapshot)

    async def _look(self) -> None:
        """Remember what workers have counted, in case they crash."""
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            await self.snapshots()

    async def _alive(self) -> bool:
        return len(await self.view.reports()) == self._count

    async def _reload(self, renewal: CertificateReload) -> None:
        self._signal(signal.SIGHUP)
        await renewal.reload()

    async def _end(self, keeping: list[asyncio.Task[None]]) -> None:
        self._signal(signal.SIGTERM)
        limits = self._settings.limits
        hurry: asyncio.Future[Any] = asyncio.ensure_future(self._ending.hurry.wait())
        ends: asyncio.Future[Any] = asyncio.gather(*keeping, return_exceptions=True)
        patience = limits.drain_delay + limits.grace + _PATIENCE
        await asyncio.wait([hurry, ends], timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        if not ends.done():
            self._signal(signal.SIGTERM if hurry.done() else signal.SIGKILL)
            await asyncio.wait([ends], timeout=_PATIENCE)
        if not ends.done():
            self._signal(signal.SIGKILL)
        hurry.cancel()
        await ends

    def _signal(self, number: signal.Signals) -> None:
        for worker in self._workers:
            with contextlib.suppress(ProcessLookupError):
                worker.process.send_signal(number)


_OURS_ALONE = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


async def supervise(launch: Launch, settings: ServerSettings, count: int) -> int:
    """Run ``count`` workers and return the exit code.

    :raises ConfigError: when something that the configuration names cannot be used, or the system cannot share a port.
    """
    if not hasattr(socket, "SO_REUSEPORT"):
        raise ConfigError("this system cannot share a port between processes", hint="leave --workers out")
    return await Supervisor(launch, settings, count).run()
