"""What one server process says about itself, and what that means for readiness. Values and pure functions.

A report travels from a worker to its supervisor as JSON. It holds no secrets, and of scrubbed accounts only the
Kubernetes user.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

_ANSWERED_WITHIN = 60.0
"""Seconds in which STS must have answered when it was asked."""
_SOON_DAYS = 14


class ProblemReport(msgspec.Struct, frozen=True):
    """Something in the mappings that will not do what its writer meant."""

    at: str
    code: str
    message: str
    hint: str | None = None


class BackendReport(msgspec.Struct, frozen=True):
    """How one backend is doing; times in epoch seconds."""

    mode: str
    synced: bool
    entries: int
    generation: int
    loaded_at: float | None
    failure: str | None
    held_until: float | None
    problems: list[ProblemReport]


class HostReport(msgspec.Struct, frozen=True):
    """How one STS host is doing; ``answered`` and ``failed`` are seconds ago, None for never."""

    host: str
    state: str
    answered: float | None
    failed: float | None
    reason: str
    under_way: int


class DecisionReport(msgspec.Struct, frozen=True):
    """One decision of late."""

    at: float
    client: str
    allowed: bool
    reason: str
    who: str
    username: str
    groups: list[str]
    where: str
    message: str
    latency_ms: float
    source: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One process; times in epoch seconds."""

    pid: int
    version: str
    cluster_id: str
    started_at: float
    draining: bool
    certificate_until: float
    certificate_path: str
    backends: list[BackendReport]
    hosts: list[HostReport]
    decisions: list[DecisionReport]
    last_reload: float | None = None


class Check(msgspec.Struct, frozen=True):
    """One thing that readiness rests on."""

    name: str
    ok: bool
    detail: str


class Readiness(msgspec.Struct, frozen=True):
    """The whole of it."""

    ready: bool
    checks: list[Check]

    def why_not(self) -> str:
        """Return what is wrong, on one line."""
        return "; ".join(f"{check.name}: {check.detail}" for check in self.checks if not check.ok)


def readiness(reports: Sequence[Report], expected: int, now: float) -> Readiness:
    """Judge whether the server should get requests.

    :param reports: of the processes that answer.
    :param expected: how many there should be.
    :param now: epoch seconds.
    """
    checks = [Check("workers", len(reports) >= expected, f"{len(reports)} of {expected}")]
    if reports:
        # each must hold for all; the worst one speaks
        each = zip(*(_checks(report, now) for report in reports), strict=True)
        checks += [next((check for check in several if not check.ok), several[0]) for several in each]
    return Readiness(all(check.ok for check in checks), checks)


def _checks(report: Report, now: float) -> list[Check]:
    return [
        Check("draining", not report.draining, "the server is stopping" if report.draining else "no"),
        _backends(report.backends),
        _certificate(report, now),
        _sts(report.hosts),
    ]


def _backends(backends: Sequence[BackendReport]) -> Check:
    waiting = [backend for backend in backends if not backend.synced]
    if waiting:
        told = ", ".join(f"{backend.mode} ({backend.failure or 'not loaded yet'})" for backend in waiting)
        return Check("backends", ok=False, detail=f"no mappings from {told}")
    # old mappings are better than none: a failure to load newer ones is no reason to turn everybody away
    failing = [backend.mode for backend in backends if backend.failure]
    detail = ", ".join(f"{backend.mode}: {backend.entries} entries" for backend in backends)
    return Check("backends", ok=True, detail=detail + (f"; not the newest: {', '.join(failing)}" if failing else ""))


def _certificate(report: Report, now: float) -> Check:
    days = (report.certificate_until - now) / 86_400
    if days <= 0:
        return Check("certificate", ok=False, detail="expired")
    return Check("certificate", ok=True, detail=f"valid for {int(days)} days" + (", soon over" * (days < _SOON_DAYS)))


def _sts(hosts: Sequence[HostReport]) -> Check:
    """Judge by hosts that have answered before.

    The others are up to whoever sends tokens: nobody must be able to make a server unready by naming dead regions.
    """
    asked = [host for host in hosts if host.answered is not None and _recent(host.failed, host.answered)]
    if not asked:
        return Check("sts", ok=True, detail="not asked of late")
    answered = [host for host in asked if host.answered is not None and host.answered <= _ANSWERED_WITHIN]
    if answered:
        return Check("sts", ok=True, detail=f"{len(answered)} of {len(asked)} hosts answered within a minute")
    return Check("sts", ok=False, detail=", ".join(f"{host.host} gives no answers ({host.reason})" for host in asked))


def _recent(failed: float | None, answered: float) -> bool:
    return answered <= _ANSWERED_WITHIN or (failed is not None and failed <= _ANSWERED_WITHIN)
