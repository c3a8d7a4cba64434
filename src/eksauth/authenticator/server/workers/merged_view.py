"""What a supervisor sees: all its workers as one server."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Protocol

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector

from eksauth.authenticator.server.reports import Check, Readiness, Report, readiness
from eksauth.authenticator.server.workers.channel import ChannelError
from eksauth.authenticator.server.workers.merged_metrics import Snapshot, exposition, merge, snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eksauth.authenticator.server.workers.channel import Channel


class Seen(Protocol):
    """A worker."""

    @property
    def channel(self) -> Channel:
        """The line to it."""


class Workers(Protocol):
    """Whoever runs them."""

    @property
    def count(self) -> int:
        """How many there should be."""

    @property
    def draining(self) -> bool:
        """Whether the end has begun."""

    def listening(self) -> Sequence[Seen]:
        """Return those that serve."""

    async def snapshots(self) -> list[Snapshot]:
        """Return the metrics of each."""


class MergedView:
    """All workers as one."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self.restarts = Counter(
            "eksauth_worker_restarts", "Workers that ended without having been told to.", registry=self._registry
        )
        self._serving = Gauge("eksauth_workers", "Workers that serve.", registry=self._registry)

    async def metrics(self) -> bytes:
        """Return the metrics of all workers and of the supervisor."""
        workers = await self._workers.snapshots()
        self._serving.set(len(self._workers.listening()))
        return exposition(merge([*workers, snapshot(self._registry)]))

    async def reports(self) -> list[Report]:
        """Return the reports of the workers that answer, by process id."""
        found: list[Report] = []

        async def ask(worker: Seen) -> None:
            with contextlib.suppress(ChannelError, msgspec.MsgspecError):
                found.append(msgspec.json.decode(await worker.channel.ask("report"), type=Report))

        await asyncio.gather(*(ask(worker) for worker in self._workers.listening()))
        return sorted(found, key=lambda report: report.pid)

    async def ready(self) -> Readiness:
        """Return whether the whole server should get requests."""
        if self._workers.draining:
            return Readiness(ready=False, checks=[Check("draining", ok=False, detail="the server is stopping")])
        return readiness(await self.reports(), self._workers.count, time.time())
