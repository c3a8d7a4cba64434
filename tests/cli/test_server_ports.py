"""The plain ports and the limits of ``server run``, as flags and as keys."""

from __future__ import annotations

import json
import socket
import subprocess
import urllib.request
from pathlib import Path

import pytest
from tests.authenticator.process import COMMAND, config_in, running

from eksauth.authenticator.config import ServerConfig, parse_server_config
from eksauth.authenticator.server.run import limits_of, side_of
from eksauth.errors import ConfigError


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def get(port: int, path: str) -> str:
    """Ask over plain HTTP."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as reply:
        text: str = reply.read().decode()
        return text


def test_both_ports(tmp_path: Path) -> None:
    """The ready file says where they are, and the limits count."""
    config = config_in(tmp_path, limits={"connections": 3}, statusPort=free_port())
    options = ("--health-port", str(free_port()), "--limit", "handshakes=9", "--status-port", "0")
    with running(tmp_path, config, *options) as server:
        assert get(server.ready["health_port"], "/any") == "ok"
        status = server.ready["status_port"]
        assert json.loads(get(status, "/readyz?verbose"))["ready"] is True
        assert "eksauth_ready 1.0" in get(status, "/metrics")


def test_a_health_port_that_was_asked_for_must_be_had(tmp_path: Path) -> None:
    """Exit code 3 when somebody else listens there."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [*COMMAND, "-c", str(config_in(tmp_path)), "--port", "0", "--health-port", str(port)],
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 3
    assert f"port {port}: it is in use" in done.stderr


@pytest.mark.parametrize("limit", ["connections", "nope=3", "connections=0", "connections=x", "connections=9999999"])
def test_limits_that_are_none(tmp_path: Path, limit: str) -> None:
    """A name or a number that is not there is a usage error with the names."""
    done = subprocess.run(
        [*COMMAND, "-c", str(config_in(tmp_path)), "--limit", limit], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "verificationsPerSource" in done.stderr


def test_keys() -> None:
    """Every key of the file reaches the server."""
    config = parse_server_config(
        """
clusterID: demo
server:
  workers: 3
  statusAddress: 0.0.0.0
  statusPort: 9100
  healthAddress: "::1"
  healthPort: 9101
  drainDelaySeconds: 7
  explainRefusals: true
  limits: {connections: 10, connectionsPerSource: 9, handshakes: 8, verifications: 7,
           verificationsPerSource: 6, verificationRatePerSource: 5}
""",
        "server.yaml",
    )
    assert config.warnings == ()
    assert (config.workers, config.explain_refusals) == (3, True)
    side = side_of(config)
    assert (side.status_address, side.status_port) == ("0.0.0.0", 9100)
    assert (side.health_address, side.health_port, side.health_required) == ("::1", 9101, True)
    limits = limits_of(config)
    assert (limits.connections, limits.connections_per_source, limits.handshakes) == (10, 9, 8)
    assert (limits.verifications, limits.verifications_per_source, limits.rate_per_source) == (7, 6, 5)
    assert limits.drain_delay == 7


@pytest.mark.parametrize(
    "config, health",
    [
        (ServerConfig(), 21363),
        (ServerConfig(port=0), None),
        (ServerConfig(health_port=0), None),
        (ServerConfig(port=0, health_port=5), 5),
    ],
    ids=["default", "free port", "switched off", "asked for"],
)
def test_who_has_a_health_port(config: ServerConfig, health: int | None) -> None:
    """The default is the one of aws-iam-authenticator, on loopback, for servers on a fixed port."""
    side = side_of(config)
    assert side.health_port == health
    assert side.health_address == "127.0.0.1"
    assert side.status_port is None


@pytest.mark.parametrize(
    "key",
    ["workers: 0", "workers: many", "statusPort: 0", "healthPort: 70000", "limits: {verifications: 0}", "limits: 3"],
)
def test_values_that_cannot_be(key: str) -> None:
    """An error that names line and key."""
    with pytest.raises(ConfigError, match=r"server\.yaml:3"):
        parse_server_config(f"clusterID: demo\nserver:\n  {key}\n", "server.yaml")


def test_a_limit_that_nobody_knows_is_a_warning() -> None:
    """As any other unknown key, with the nearest one."""
    (warning,) = parse_server_config("server:\n  limits: {conections: 3}\n", "server.yaml").warnings
    assert warning.code == "config.unknown_key"
    assert "connections" in (warning.hint or "")
