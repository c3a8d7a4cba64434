"""What can be seen of a running server from outside: metrics, readiness, the status page."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from eksauth import __version__
from eksauth.authenticator.backends.contract import BackendStatus
from eksauth.authenticator.server.certs import ServerCertificate, expires_at
from eksauth.authenticator.server.metrics import Metrics
from eksauth.authenticator.server.recent import RecentDecisions
from eksauth.authenticator.server.reports import BackendReport, HostReport, ProblemReport, Readiness, Report, readiness
from eksauth.authenticator.sts.host import StsHost

_SHOWN_PROBLEMS = 100


class View(Protocol):
    """Everything there is to see: of this process, or of all workers."""

    async def metrics(self) -> bytes:
        """Return the metrics in the Prometheus text format."""

    async def reports(self) -> list[Report]:
        """Return what each process says about itself."""

    async def ready(self) -> Readiness:
        """Return whether the server should get requests."""


class ProcessView:
    """One process that looks at itself. The callables are asked each time.

    :param certificate: the pair in use.
    :param counts: grants and refusals in the cache.
    """

    def __init__(self, cluster_id: str, metrics: Metrics) -> None:
        self.cluster_id = cluster_id
        self.instruments = metrics
        self.started_at = time.time()
        self.last_reload: float | None = None
        self.recent = RecentDecisions()
        self.draining: Callable[[], bool] = lambda: False
        self.scrubbed_accounts: Callable[[], frozenset[str]] = frozenset
        self.certificate: Callable[[], ServerCertificate | None] = lambda: None
        self.counts: Callable[[], tuple[int, int]] = lambda: (0, 0)
        self.statuses: Callable[[], Sequence[BackendStatus]] = tuple
        self.hosts: Callable[[], Sequence[StsHost]] = tuple
        self._expiry: tuple[bytes, float] = (b"", 0.0)

    async def metrics(self) -> bytes:
        """Return the metrics of this process."""
        self._observe(await self.ready())
        return self.instruments.exposition(self.counts())

    async def reports(self) -> list[Report]:
        """Return this process's report."""
        return [self.report()]

    async def ready(self) -> Readiness:
        """Return whether this process should get requests."""
        return readiness([self.report(decisions=False)], 1, time.time())

    def observed(self) -> Metrics:
        """Return the instruments, brought up to date."""
        self._observe(readiness([self.report(decisions=False)], 1, time.time()))
        self.instruments.bring_up_to_date(self.counts())
        return self.instruments

    def report(self, *, decisions: bool = True) -> Report:
        """Return what this process says about itself."""
        certificate = self.certificate()
        return Report(
            pid=os.getpid(),
            version=__version__,
            cluster_id=self.cluster_id,
            started_at=self.started_at,
            draining=self.draining(),
            certificate_until=self._until(certificate.pem) if certificate else 0.0,
            certificate_path=str(certificate.certificate_path) if certificate else "",
            backends=[_backend(status) for status in self.statuses()],
            hosts=[_host(host, time.monotonic()) for host in self.hosts()],
            decisions=self.recent.reports(self.scrubbed_accounts()) if decisions else [],
            last_reload=self.last_reload,
        )

    def _observe(self, now: Readiness) -> None:
        self.instruments.ready.set(now.ready)
        certificate = self.certificate()
        if certificate is not None:
            self.instruments.certificate_until.set(self._until(certificate.pem))

    def _until(self, pem: bytes) -> float:
        if self._expiry[0] != pem:
            self._expiry = (pem, expires_at(pem))
        return self._expiry[1]


def _backend(status: BackendStatus) -> BackendReport:
    return BackendReport(
        mode=status.mode,
        synced=status.synced,
        entries=status.entries,
        generation=status.generation,
        loaded_at=status.loaded_at,
        failure=status.failure,
        held_until=status.held_until,
        problems=[
            ProblemReport(str(problem.source), problem.code, problem.message, problem.hint)
            for problem in status.problems[:_SHOWN_PROBLEMS]
        ],
    )


def _host(host: StsHost, now: float) -> HostReport:
    return HostReport(
        host=host.name,
        state=host.breaker.state,
        answered=None if host.last_answer is None else round(now - host.last_answer, 1),
        failed=None if host.last_failure is None else round(now - host.last_failure, 1),
        reason=host.last_reason,
        under_way=host.questions,
    )
