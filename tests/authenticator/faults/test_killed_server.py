"""A server process that dies without notice, or whose disk is full: files stay whole, and the next start works."""

from __future__ import annotations

import json
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.authenticator.process import COMMAND, READY, FakeSts, Server, config_in, fake_sts, running
from tests.authenticator.serving import mint

from eksauth.authenticator.server.certs import alternative_names, make_pair

pytestmark = pytest.mark.timeout(300)
# runs a command that may write files of so many bytes
LIMITED = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
os.execv(sys.argv[2], sys.argv[2:])
"""


def limited(size: int) -> tuple[str, ...]:
    """Return what to put before a command so that it cannot write longer files."""
    return sys.executable, "-c", LIMITED, str(size)


def logs_in(server: Server, serial: int = 0) -> bool:
    """Tell whether a token gets in."""
    return bool(server.review(mint(serial=serial))["status"]["authenticated"])


@pytest.mark.slow
def test_kills_at_random_moments(tmp_path: Path) -> None:
    """Killed again and again between its first instruction and its first logins, a server always starts again."""
    chance = random.Random(7)
    with fake_sts() as sts:
        config = config_in(tmp_path, sts)
        with running(tmp_path, config) as server:
            began = server.process.pid
            assert logs_in(server)
        took = _seconds_to_ready(tmp_path, config)
        for attempt in range(8):
            if attempt % 2:
                # the first start of all, again
                for path in (tmp_path / "state").iterdir():
                    path.unlink()
                (tmp_path / "webhook.yaml").unlink(missing_ok=True)
            process = subprocess.Popen(
                [*COMMAND, "-c", str(config), "--port", "0", "--ready-file", str(tmp_path / READY), "-l", "json"],
                stderr=subprocess.DEVNULL,
            )
            time.sleep(took * chance.uniform(0.3, 1.1))
            process.kill()
            process.wait()
        with running(tmp_path, config) as server:
            assert server.ready["pid"] == server.process.pid != began
            assert logs_in(server, 1)
            server.process.terminate()
            code, log = server.finish()
    assert code == 0
    assert "Traceback" not in log


def _seconds_to_ready(directory: Path, config: Path) -> float:
    start = time.monotonic()
    with running(directory, config):
        return time.monotonic() - start


def test_a_file_of_a_killed_server_says_nothing_of_the_next(tmp_path: Path) -> None:
    """The ready file of a process that was killed is gone before the next one could be taken for ready."""
    with fake_sts() as sts:
        config = config_in(tmp_path, sts, stateDir=str(tmp_path / "file" / "state"))
        (tmp_path / "file").write_text("no directory")
        (tmp_path / READY).write_text(json.dumps({"pid": 1}))
        done = subprocess.run(
            [*COMMAND, "-c", str(config), "--port", "0", "--ready-file", str(tmp_path / READY)],
            capture_output=True,
            check=False,
        )
    assert done.returncode == 3
    assert not (tmp_path / READY).exists()


@pytest.mark.parametrize(
    "size, present, named",
    [
        pytest.param(0, (), "cannot use the state directory", id="key"),
        pytest.param(1500, (), "cannot use the state directory", id="pair"),
        pytest.param(1000, ("state",), "cannot write the webhook kubeconfig", id="kubeconfig"),
        pytest.param(100, ("state", "webhook.yaml"), "cannot write the ready file", id="ready-file"),
    ],
)
def test_a_full_disk_at_the_start(tmp_path: Path, size: int, present: tuple[str, ...], named: str) -> None:
    """Each file that cannot be written is one line with its name, exit code 3, and no leftovers."""
    with fake_sts() as sts:
        # the webhook kubeconfig holds the port, so that must be the same twice
        config = config_in(tmp_path, sts)
        if present:
            with running(tmp_path, config) as server:
                port = server.ready["port"]
            if "webhook.yaml" not in present:
                (tmp_path / "webhook.yaml").unlink()
        else:
            port = 0
        ready = tmp_path / READY
        done = subprocess.run(
            [*limited(size), *COMMAND, "-c", str(config), "--port", str(port), "--ready-file", str(ready)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 3, done.stderr
        assert named in done.stderr
        assert "file too large" in done.stderr
        assert "Traceback" not in done.stderr
        assert not [path for path in tmp_path.rglob("*") if path.name.endswith((".tmp", ".next"))]
        with running(tmp_path, config) as server:
            assert logs_in(server)


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="limits of another process can be set on Linux only")
def test_a_disk_that_fills_up_while_the_server_runs(tmp_path: Path) -> None:
    """A renewed certificate is used although the webhook kubeconfig cannot be written; a warning says so."""
    with fake_sts() as sts, running(tmp_path, config_in(tmp_path, sts)) as server:
        before = (tmp_path / "webhook.yaml").read_bytes()
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        certificate, key = make_pair(alternative_names(("127.0.0.1", "localhost")), time.time())
        (tmp_path / "state" / "key.pem").write_bytes(key)
        (tmp_path / "state" / "cert.pem").write_bytes(certificate)
        assert server.process.stderr is not None
        for line in server.process.stderr:
            if "cannot write the webhook kubeconfig" in line:
                break
        assert logs_in(server)
        assert (tmp_path / "webhook.yaml").read_bytes() == before
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        server.process.send_signal(signal.SIGHUP)
        while (tmp_path / "webhook.yaml").read_bytes() == before:
            time.sleep(0.05)
        assert logs_in(server, 1)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_log_that_cannot_be_written_stops_no_login(tmp_path: Path) -> None:
    """The disk that takes the log is full: logins go on."""
    with fake_sts() as sts:
        config = config_in(tmp_path, sts)
        ready = tmp_path / READY
        with Path("/dev/full").open("wb") as full:
            process = subprocess.Popen(
                [*COMMAND, "-c", str(config), "--port", "0", "--ready-file", str(ready)], stdout=full, stderr=full
            )
        try:
            while not ready.exists():
                assert process.poll() is None
                time.sleep(0.02)
            server = Server(process, json.loads(ready.read_text()), tmp_path)  # type: ignore[arg-type]
            assert logs_in(server)
            assert server.metric("eksauth_internal_errors_total") == 0
            assert not logs_in_with_garbage(server)
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        finally:
            process.kill()
            process.wait()


def logs_in_with_garbage(server: Server) -> bool:
    """Tell whether something that is no token gets in."""
    return bool(server.review("k8s-aws-v1.nonsense")["status"].get("authenticated"))


def test_a_reader_of_the_log_that_left_stops_no_login(tmp_path: Path) -> None:
    """The program that collected the log is gone: logins go on."""
    with fake_sts() as sts:
        config = config_in(tmp_path, sts)
        with running(tmp_path, config) as server:
            assert server.process.stderr is not None
            server.process.stderr.close()
            server.process.stderr = None
            assert logs_in(server)
            assert server.metric("eksauth_internal_errors_total") == 0


def test_the_fake_is_asked(tmp_path: Path) -> None:
    """The logins of this file are decided by STS, so that they can fail."""
    with fake_sts() as sts, running(tmp_path, config_in(tmp_path, sts)) as server:
        _refuse(sts)
        assert not logs_in(server)


def _refuse(sts: FakeSts) -> None:
    sts.answer = lambda: (403, {"Error": {"Code": "SignatureDoesNotMatch", "Message": "no", "Type": "Sender"}})
