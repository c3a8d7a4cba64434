"""Several processes on one port: one server to whoever looks at it from outside."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.authenticator.process import COMMAND, FakeSts, Server, config_in, fake_sts, running
from tests.authenticator.serving import mint

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture(name="sts")
def sts_() -> Iterator[FakeSts]:
    """Run an STS that vouches for everybody."""
    with fake_sts() as sts:
        yield sts


@pytest.fixture(name="server")
def server_(tmp_path: Path, sts: FakeSts) -> Iterator[Server]:
    """Run two workers and a status port."""
    with running(tmp_path, config_in(tmp_path, sts), "--workers", "2", "--status-port", "0") as server:
        yield server


def get(server: Server, path: str) -> tuple[int, str]:
    """Ask the status port."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.ready['status_port']}{path}", timeout=20) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def until(what: Callable[[], Any]) -> Any:
    """Wait until ``what`` is true and return it."""
    deadline = time.monotonic() + 60
    while not (found := what()):
        assert time.monotonic() < deadline, what
        time.sleep(0.05)
    return found


def pids(server: Server) -> list[int]:
    """Return the processes of the workers that answer."""
    return [process["pid"] for process in json.loads(get(server, "/status.json")[1])["processes"]]


def gone(pid: int) -> bool:
    """Tell whether a process is no more."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    # one that is dead and not waited for
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def test_two_workers_are_one_server(server: Server) -> None:
    """Requests spread over both; metrics of the webhook port and of the status port count all of them."""
    assert sorted(pids(server)) == sorted(server.ready["workers"])
    for serial in range(40):
        # each review is a connection of its own
        assert server.review(mint(serial=serial))["status"]["authenticated"]
    assert server.metric("eksauth_decisions_total", reason="ok") == 40
    assert server.metric("eksauth_workers") == 2
    assert "eksauth_worker_restarts_total 0.0" in get(server, "/metrics")[1]
    processes = json.loads(get(server, "/status.json")[1])["decisions"]
    assert len(processes) == 40
    assert get(server, "/readyz") == (200, "ok")


def test_a_worker_that_dies_comes_back_and_is_not_forgotten(server: Server) -> None:
    """It makes the server unready until another one is there; what it had counted stays counted."""
    for serial in range(20):
        server.review(mint(serial=serial))
    before = server.metric("eksauth_decisions_total", reason="ok")
    assert before == 20
    victim = server.ready["workers"][0]
    os.kill(victim, signal.SIGKILL)
    until(lambda: get(server, "/readyz")[0] == 503)
    until(lambda: get(server, "/readyz")[0] == 200)
    assert victim not in pids(server)
    assert server.metric("eksauth_decisions_total", reason="ok") == before
    assert server.metric("eksauth_worker_restarts_total") == 1
    assert server.review(mint(serial=99))["status"]["authenticated"]


def test_hangup_reloads_all(server: Server, tmp_path: Path) -> None:
    """A mapping that changed counts in every worker."""
    path = tmp_path / "server.yaml"
    config = yaml.safe_load(path.read_text())
    config["server"]["mapRoles"][0]["username"] = "boss"
    path.write_text(yaml.safe_dump(config))
    server.process.send_signal(signal.SIGHUP)

    def everywhere() -> bool:
        processes = json.loads(get(server, "/status.json")[1])["processes"]
        return all(process["last_reload"] for process in processes)

    until(everywhere)
    names = {server.review(mint(serial=serial))["status"]["user"]["username"] for serial in range(10)}
    assert names == {"boss"}


def test_requests_under_way_end_before_the_workers_do(server: Server, sts: FakeSts) -> None:
    """SIGTERM drains every worker; the exit code is 0, and nothing is left running."""
    sts.gate.clear()
    answers: list[dict[str, Any]] = []
    asking = [
        threading.Thread(target=lambda serial=serial: answers.append(server.review(mint(serial=serial))))
        for serial in range(6)
    ]
    for thread in asking:
        thread.start()
    for _ in asking:
        assert sts.asked.acquire(timeout=20)
    server.process.send_signal(signal.SIGTERM)
    server.wait_until_stopping()
    sts.gate.set()
    for thread in asking:
        thread.join(20)
    code, _ = server.finish()
    assert code == 0
    assert len(answers) == 6
    assert all(answer["status"]["authenticated"] for answer in answers)
    assert all(gone(pid) for pid in server.ready["workers"])


def test_workers_do_not_outlive_their_supervisor(server: Server) -> None:
    """When it is killed, they notice and end."""
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait(20)
    until(lambda: all(gone(pid) for pid in server.ready["workers"]))


def test_a_second_signal_hurries(server: Server, sts: FakeSts) -> None:
    """What is under way is cut, in all workers."""
    sts.gate.clear()

    def ask() -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            server.review(mint())

    thread = threading.Thread(target=ask)
    thread.start()
    assert sts.asked.acquire(timeout=20)
    server.process.send_signal(signal.SIGTERM)
    server.wait_until_stopping()
    server.process.send_signal(signal.SIGTERM)
    code, _ = server.finish()
    thread.join(20)
    assert code == 128 + signal.SIGTERM
    assert all(gone(pid) for pid in server.ready["workers"])


def test_a_port_that_is_taken_is_not_shared_with_strangers(tmp_path: Path, sts: FakeSts, server: Server) -> None:
    """Two servers do not slip onto one port, although each of them shares its own among its workers."""
    other = tmp_path / "other"
    other.mkdir()
    config = config_in(other, sts)
    done = subprocess.run(
        [*COMMAND, "-c", str(config), "--port", str(server.ready["port"]), "--health-port", "0", "--workers", "2"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 3
    assert "it is in use" in done.stderr


def test_a_worker_that_cannot_start_ends_the_server(tmp_path: Path) -> None:
    """What no worker can use is one error and exit code 3, not a loop."""
    config = config_in(tmp_path, stsCAFile=str(tmp_path / "missing.pem"))
    done = subprocess.run(
        [*COMMAND, "-c", str(config), "--port", "0", "--workers", "2"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 3
    assert "missing.pem" in done.stderr


def test_the_service_manager_hears_of_the_whole(tmp_path: Path, sts: FakeSts) -> None:
    """READY once all workers answer, RELOADING and READY around a reload, STOPPING at the end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(30)
        config = config_in(tmp_path, sts)
        environ = ("env", f"NOTIFY_SOCKET={tmp_path / 'notify'}", "WATCHDOG_USEC=1000000")
        with running(tmp_path, config, "--workers", "2", before=environ) as server:
            told: set[str] = set()
            while not {"READY=1", "WATCHDOG=1"} <= told:
                told |= set(manager.recv(1024).decode().splitlines())
            server.process.send_signal(signal.SIGHUP)
            words: list[str] = []
            while words[-1:] != ["READY=1"]:
                words += [line for line in manager.recv(1024).decode().splitlines() if line in _WORDS]
            assert words == ["RELOADING=1", "READY=1"]
            server.process.send_signal(signal.SIGTERM)
            while "STOPPING=1" not in manager.recv(1024).decode():
                pass
            assert server.finish()[0] == 0


_WORDS = ("READY=1", "RELOADING=1", "STOPPING=1")
