"""What makes a server ready, and what the merged metrics of several are. Pure."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from tests.authenticator.serving import sample

from eksauth.authenticator.server.notify import Notifier
from eksauth.authenticator.server.reports import BackendReport, HostReport, Report, readiness
from eksauth.authenticator.server.workers.merged_metrics import Snapshot, exposition, merge, snapshot, what_stays

NOW = 1_000_000.0
DAY = 86_400


def backend(**changes: object) -> BackendReport:
    """Return a backend that is well."""
    fields: dict[str, object] = {
        "mode": "MountedFile",
        "synced": True,
        "entries": 3,
        "generation": 1,
        "loaded_at": NOW,
        "failure": None,
        "held_until": None,
        "problems": [],
    }
    return BackendReport(**(fields | changes))  # type: ignore[arg-type]


def host(answered: float | None, failed: float | None) -> HostReport:
    """Return an STS host that answered and failed so many seconds ago."""
    return HostReport("sts.eu-west-1.amazonaws.com", "closed", answered, failed, "sts.timeout", 0)


def report(**changes: object) -> Report:
    """Return a process that is well."""
    fields: dict[str, object] = {
        "pid": 1,
        "version": "1",
        "cluster_id": "demo",
        "started_at": NOW,
        "draining": False,
        "certificate_until": NOW + 100 * DAY,
        "certificate_path": "/cert.pem",
        "backends": [backend()],
        "hosts": [],
        "decisions": [],
    }
    return Report(**(fields | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes, why",
    [
        ({}, ""),
        ({"backends": [backend(failure="line 3: oops")]}, ""),
        ({"backends": [backend(held_until=NOW + 60)]}, ""),
        ({"hosts": [host(1, None), host(None, 1)]}, ""),
        ({"hosts": [host(5_000, 4_000)]}, ""),
        ({"hosts": [host(None, 1)]}, ""),
        ({"hosts": [host(70, 1), host(30, 2)]}, ""),
        ({"draining": True}, "draining: the server is stopping"),
        ({"backends": [backend(), backend(mode="CRD", synced=False)]}, "backends: no mappings from CRD"),
        ({"certificate_until": NOW}, "certificate: expired"),
        ({"hosts": [host(70, 1)]}, "sts: sts.eu-west-1.amazonaws.com gives no answers (sts.timeout)"),
    ],
    ids=[
        "well",
        "old mappings are mappings",
        "held mappings are mappings",
        "one host answers",
        "not asked of late",
        "a stranger that never answered",
        "another host answers",
        "draining",
        "a backend without mappings",
        "expired",
        "no host answers any more",
    ],
)
def test_what_makes_a_server_unready(changes: dict[str, object], why: str) -> None:
    """Each reason is told, and what does not keep anybody from logging in is none."""
    ready = readiness([report(**changes)], 1, NOW)
    assert ready.ready == (not why)
    assert ready.why_not().startswith(why)


def test_all_workers_must_be_ready() -> None:
    """One that is missing or unwell makes the whole server unready, and is the one that speaks."""
    assert readiness([report(), report(pid=2)], 2, NOW).ready
    assert readiness([report()], 2, NOW).why_not() == "workers: 1 of 2"
    assert "expired" in readiness([report(), report(certificate_until=NOW)], 2, NOW).why_not()
    assert not readiness([], 1, NOW).ready


def _process(counted: int, *, ready: int = 1, entries: int = 5) -> Snapshot:
    registry = CollectorRegistry()
    Counter("eksauth_decisions", "d", ["reason"], registry=registry).labels("ok").inc(counted)
    histogram = Histogram("latency", "l", registry=registry, buckets=(1, 2))
    for _ in range(counted):
        histogram.observe(1.5)
    Gauge("eksauth_ready", "r", registry=registry).set(ready)
    Gauge("eksauth_backend_entries", "e", ["backend"], registry=registry).labels("MountedFile").set(entries)
    Gauge("eksauth_connections_open", "c", registry=registry).set(counted)
    return snapshot(registry)


def _told(merged: Snapshot, name: str, **labels: str) -> float:
    return sample(exposition(merged).decode(), name, labels)


def test_metrics_of_several_are_those_of_one() -> None:
    """Counters, histograms and gauges of amounts add up; of states the worst counts, of contents the greatest."""
    merged = merge([_process(3), _process(4, ready=0, entries=6)])
    assert _told(merged, "eksauth_decisions_total", reason="ok") == 7
    assert _told(merged, "latency_bucket", le="2.0") == 7
    assert _told(merged, "latency_count") == 7
    assert _told(merged, "eksauth_connections_open") == 7
    assert _told(merged, "eksauth_ready") == 0
    assert _told(merged, "eksauth_backend_entries", backend="MountedFile") == 6


@given(st.lists(st.integers(0, 20), max_size=8))
def test_counters_outlive_their_processes(counts: list[int]) -> None:
    """However many workers crash: what they had counted stays, their gauges go, and no counter goes down."""
    gone: Snapshot = []
    before = 0.0
    for counted in counts:
        living = _process(counted)
        total = _told(merge([gone, living]), "eksauth_decisions_total", reason="ok")
        assert total >= before
        before = total
        gone = merge([gone, what_stays(living)])
    assert _told(gone, "eksauth_decisions_total", reason="ok") == sum(counts)
    assert _told(gone, "eksauth_connections_open") == 0


@pytest.fixture(name="manager")
def manager_(tmp_path: Path) -> socket.socket:
    """Return the receiving end of a service manager."""
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiver.bind(str(tmp_path / "notify"))
    receiver.settimeout(5)
    return receiver


def test_the_service_manager_is_told(manager: socket.socket) -> None:
    """Ready, reloading and stopping, in the words of sd_notify; reloading with the clock that it wants."""
    with manager:
        notifier = Notifier({"NOTIFY_SOCKET": manager.getsockname()})
        notifier.ready("answering\nREADY=0")
        notifier.reloading()
        notifier.stopping()
        told = [manager.recv(1024).decode() for _ in range(3)]
    assert told[0] == "READY=1\nSTATUS=answering READY=0"
    assert told[1].startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert told[2] == "STOPPING=1"


async def test_signs_of_life_while_alive(manager: socket.socket) -> None:
    """The watchdog is fed as long as the server says that it lives, and not after."""
    lives = [True, True, False, False]

    async def alive() -> bool:
        return lives.pop(0) if lives else False

    environ = {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "20000", "WATCHDOG_PID": str(os.getpid())}
    with manager:
        watch = asyncio.create_task(Notifier(environ).watch(alive))
        while lives:
            await asyncio.sleep(0.01)
        watch.cancel()
        assert [manager.recv(64) for _ in range(2)] == [b"WATCHDOG=1"] * 2
        manager.settimeout(0)
        with pytest.raises(BlockingIOError):
            manager.recv(64)


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"NOTIFY_SOCKET": ""},
        {"NOTIFY_SOCKET": "relative"},
        {"NOTIFY_SOCKET": "/no/such/socket", "WATCHDOG_USEC": "soon"},
        {"NOTIFY_SOCKET": "@eksauth-nobody", "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"},
    ],
)
async def test_without_a_service_manager_nothing_happens(environ: dict[str, str]) -> None:
    """No variable, a bad one, or a manager that is gone: no error."""
    notifier = Notifier(environ)
    notifier.ready("x")
    assert notifier.watchdog_seconds == 0
    await notifier.watch(lambda: pytest.fail("asked"))
