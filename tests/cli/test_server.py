"""``eksauth server run`` as a process: start, serve, drain, stop, and every way not to start."""

from __future__ import annotations

import json
import resource
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.authenticator.process import COMMAND, FakeSts, config_in, fake_sts, running
from tests.authenticator.serving import ROLE_ARN, mint

from eksauth.authenticator.server import decision_log
from eksauth.authenticator.server.settings import Limits
from eksauth.cli.server_run import LEVELS


@pytest.fixture(name="sts")
def sts_() -> Iterator[FakeSts]:
    """Run an STS that vouches for everybody."""
    with fake_sts() as fake:
        yield fake


def test_a_server_serves_and_stops(tmp_path: Path, sts: FakeSts) -> None:
    """It tells where it listens, judges a token by way of STS and the mappings, and ends cleanly on SIGTERM."""
    token = mint()
    with running(tmp_path, config_in(tmp_path, sts)) as server:
        assert server.ready["pid"] == server.process.pid
        assert server.ready["url"] == f"https://localhost:{server.ready['port']}/authenticate"
        status = server.review(token)["status"]
        assert status["user"]["username"] == "admin"
        assert server.review("k8s-aws-v1.x")["status"] == {"authenticated": False}
        replies = {"ResponseCode": "200", "StsRegion": "eu-west-1"}
        assert server.metric("aws_iam_authenticator_sts_responses_total", **replies) == 1
        server.process.send_signal(signal.SIGTERM)
        code, log = server.finish()
    assert code == 0
    assert not (tmp_path / "ready.json").exists()
    messages = [json.loads(line)["msg"] for line in log.splitlines()]
    assert messages == ["listening", "access granted", "access denied", "stopping", "stopped"]
    assert "k8s-aws-v1" not in log
    assert token[30:80] not in log


def test_a_restart_keeps_the_certificate(tmp_path: Path) -> None:
    """API servers need not be told again after a restart."""
    config, certificates = config_in(tmp_path), []
    for _ in range(2):
        with running(tmp_path, config) as server:
            certificates.append(Path(server.ready["certificate"]).read_bytes())
            server.process.send_signal(signal.SIGINT)
            assert server.finish()[0] == 0
    assert certificates[0] == certificates[1]


def test_sigterm_lets_a_slow_request_finish(tmp_path: Path, sts: FakeSts) -> None:
    """A login under way gets its answer before the process ends."""
    sts.gate.clear()
    with running(tmp_path, config_in(tmp_path, sts)) as server, ThreadPoolExecutor(1) as pool:
        slow = pool.submit(server.review, mint())
        assert sts.asked.acquire(timeout=30)
        server.process.send_signal(signal.SIGTERM)
        server.wait_until_stopping()
        assert server.process.poll() is None
        sts.gate.set()
        assert slow.result(30)["status"]["authenticated"]
        assert server.finish()[0] == 0


def test_a_second_signal_stops_at_once(tmp_path: Path, sts: FakeSts) -> None:
    """Whoever cannot wait sends another signal; the exit code tells that something was cut."""
    sts.gate.clear()
    with running(tmp_path, config_in(tmp_path, sts)) as server, ThreadPoolExecutor(1) as pool:
        slow = pool.submit(server.review, mint())
        assert sts.asked.acquire(timeout=30)
        server.process.send_signal(signal.SIGTERM)
        server.wait_until_stopping()
        server.process.send_signal(signal.SIGTERM)
        code, log = server.finish()
        with pytest.raises(OSError):
            slow.result(30)
    assert code == 128 + signal.SIGTERM
    assert "Traceback" not in log


def test_flags_beat_the_file(tmp_path: Path, sts: FakeSts) -> None:
    """Address, paths and cluster of the command line win; a pregenerated kubeconfig is left alone."""
    config = config_in(tmp_path, sts, address="203.0.113.1", hostname="nowhere.example")
    other = tmp_path / "other"
    with running(
        tmp_path,
        config,
        *("--address", "127.0.0.1", "--hostname", "127.0.0.1", "--state-dir", str(other), "-i", "elsewhere"),
        "--kubeconfig-pregenerated",
    ) as server:
        assert server.ready["kubeconfig"] is None
        assert server.ready["certificate"] == str(other / "cert.pem")
        assert server.ready["url"].startswith("https://127.0.0.1:")
        server.process.send_signal(signal.SIGTERM)
        code, log = server.finish()
    assert code == 0
    assert json.loads(log.splitlines()[0])["cluster"] == "elsewhere"
    assert not (tmp_path / "webhook.yaml").exists()


def test_warnings_about_the_configuration_are_logged(tmp_path: Path) -> None:
    """A mistyped key and an entry that another one shadows are told at start, with their line."""
    entry = {"rolearn": ROLE_ARN, "username": "admin", "groups": ["system:masters"]}
    config = config_in(tmp_path, mapRoles=[entry, entry | {"username": "other"}], mapRole=[])
    with running(tmp_path, config) as server:
        server.process.send_signal(signal.SIGTERM)
        _, log = server.finish()
    lines = [json.loads(line) for line in log.splitlines()]
    warnings = {line["reason"]: line for line in lines if line["msg"] == "configuration"}
    assert warnings["config.unknown_key"]["hint"] == "did you mean mapRoles"
    assert "mapping.duplicate" in warnings
    assert all(line["at"].startswith(f"{config}:") for line in warnings.values())


@pytest.mark.skipif(not shutil.which("prlimit"), reason="needs prlimit of util-linux")
def test_a_low_limit_of_open_files_is_raised(tmp_path: Path) -> None:
    """A shell's default limit does not decide how many API servers can connect."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with running(tmp_path, config_in(tmp_path), before=("prlimit", "--nofile=256:")) as server:
        assert server.metric("process_max_fds") == min(2_512, hard)


def refuse(*options: str, environ: dict[str, str] | None = None) -> tuple[int, list[str]]:
    """Run a server that cannot start and return exit code and lines on stderr."""
    done = subprocess.run([*COMMAND, *options], capture_output=True, text=True, timeout=60, env=environ)
    assert not done.stdout
    return done.returncode, done.stderr.splitlines()


def test_tokens_for_a_region_that_keeps_silent_lock_nobody_out(tmp_path: Path, sts: FakeSts) -> None:
    """A flood of them is answered with a retryable status while a token for the own region is let in."""
    shares = Limits().unproven
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as silent:
        silent_url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        overrides = {"sts.eu-west-1.amazonaws.com": sts.url, "sts.us-east-1.amazonaws.com": silent_url}
        config = config_in(tmp_path, None, stsEndpointOverrides=overrides)
        with running(tmp_path, config) as server, ThreadPoolExecutor(shares + 10) as flood:
            assert server.review(mint())["status"]["authenticated"]
            for serial in range(shares + 10):
                flood.submit(server.review, mint(region="us-east-1", serial=serial))
            while not server.metric("eksauth_decisions_total", reason="sts.busy"):
                pass
            assert server.review(mint(serial=1))["status"]["authenticated"]
            server.process.kill()


def test_a_port_in_use_is_one_line_and_a_hint(tmp_path: Path) -> None:
    """The address, the reason and the way out; exit code 3; no webhook kubeconfig that points at somebody else."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, lines = refuse("-c", str(config_in(tmp_path)), "--port", str(port))
    assert code == 3
    assert lines[0] == f"eksauth: error: cannot listen on 127.0.0.1 port {port}: it is in use"
    assert lines[1].startswith("eksauth: hint: ")
    assert len(lines) == 2
    assert not (tmp_path / "webhook.yaml").exists()


@pytest.mark.parametrize(
    "options, error, hint",
    [
        pytest.param(("--state-dir", "{tmp}/file"), "cannot use the state directory", "--state-dir", id="state-dir"),
        pytest.param(
            ("--generate-kubeconfig", "{tmp}/file/x"),
            "cannot write the webhook kubeconfig",
            "--generate-kubeconfig",
            id="kubeconfig",
        ),
        pytest.param(("--ready-file", "{tmp}/file/x"), "cannot write the ready file", "", id="ready-file"),
        pytest.param(("--address", "203.0.113.1"), "cannot listen on 203.0.113.1", "--address", id="foreign-address"),
        pytest.param(
            ("--address", "no.such.host.invalid"), "cannot listen on no.such.host.invalid", "--address", id="no-host"
        ),
        pytest.param(("--partition", "aws-mars"), "no such partition", "aws-us-gov", id="partition"),
        pytest.param(("--backend-mode", "EKSConfigMap"), "this is no pod", "kubeconfig", id="no-cluster"),
        pytest.param(
            ("--backend-mode", "MountedFil"), "no such backend mode", "did you mean MountedFile", id="backend-typo"
        ),
        pytest.param(("--backend-mode", "File,MountedFile"), "given twice", "once", id="backend-twice"),
        pytest.param(("--cluster-id", "a\nb"), "the cluster id", "", id="cluster-id"),
        pytest.param(("-c", "{tmp}/missing.yaml"), "missing.yaml", "", id="no-config"),
        pytest.param(("-c", "{tmp}/loud.yaml"), "no such log verbosity: 'loud'", "warning", id="verbosity"),
        pytest.param(("--hostname", "ü" * 80), "no host name", "server.hostname", id="hostname"),
    ],
)
def test_what_cannot_be_used_is_a_configuration_error(
    tmp_path: Path, options: tuple[str, ...], error: str, hint: str
) -> None:
    """Exit code 3, one line that says what and one that says what to do."""
    (tmp_path / "file").write_text("")
    (tmp_path / "loud.yaml").write_text("clusterID: demo\nlog-verbosity: loud\n")
    given = [option.replace("{tmp}", str(tmp_path)) for option in options]
    code, lines = refuse("-c", str(config_in(tmp_path)), "--port", "0", *given)
    lines = [line for line in lines if "level=info" not in line]
    assert code == 3, lines
    assert error in lines[0]
    assert lines[0].startswith("eksauth: error: ")
    assert len(lines) <= 2
    if hint:
        assert hint in lines[1]


@pytest.mark.parametrize(
    "options",
    [
        ("--port", "70000"),
        ("--port", "x"),
        ("--cache-ttl", "901"),
        ("--log-format", "xml"),
        ("--log-verbosity", "loud"),
        ("--nope",),
    ],
)
def test_usage_errors(options: tuple[str, ...]) -> None:
    """What the command line cannot mean is exit code 2."""
    code, lines = refuse("-i", "demo", *options)
    assert code == 2
    assert lines[0].startswith("eksauth: error: ")


def test_no_cluster_is_an_error() -> None:
    """Without a cluster id no token can be judged."""
    code, lines = refuse()
    assert (code, lines[0]) == (3, "eksauth: error: no cluster id")


def test_the_help_has_an_example() -> None:
    """The help shows how to start it and what the API server needs."""
    done = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert "Example: eksauth server run" in done.stdout
    assert "--authentication-token-webhook-config-file" in done.stdout
    assert "ready-file" not in done.stdout


def test_no_asynchronous_library_is_loaded_for_help() -> None:
    """The frame of the command costs nothing until it runs."""
    script = (
        "import sys;from eksauth.cli.main import run;run(['server','run','--help']);"
        "sys.exit(any(name in sys.modules for name in ('aiohttp','cryptography','prometheus_client')))"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60).returncode == 0


def test_the_verbosity_names_are_those_of_the_log() -> None:
    """The command line offers what the log understands, without loading the server to know it."""
    assert tuple(decision_log.LEVELS) == LEVELS
