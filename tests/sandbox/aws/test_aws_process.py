"""The endpoint as a process: configuration, ready file, signals."""

from __future__ import annotations

import json
import signal
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from eksauth.sandbox.pki import LOOPBACK_HOSTS, issue_server_certificate, new_authority

TOKEN = "a-control-token-of-the-test"


def write_config(folder: Path, **changes: Any) -> Path:
    """Write certificate, key and configuration; None removes a setting."""
    ca = new_authority("test")
    (folder / "ca.pem").write_bytes(ca.cert_pem)
    certificate, key = issue_server_certificate(ca, LOOPBACK_HOSTS)
    (folder / "cert.pem").write_bytes(certificate)
    (folder / "key.pem").write_bytes(key)
    settings: dict[str, Any] = {
        "listen": "127.0.0.1:0",
        "ready_file": str(folder / "ready.json"),
        "seed_file": str(folder / "seed.json"),
        "tls": {"cert": str(folder / "cert.pem"), "key": str(folder / "key.pem")},
        "control_token": TOKEN,
        "seed": "default",
        "clusters": [
            {
                "name": "demo",
                "region": "us-west-2",
                "account": "111122223333",
                "endpoint": "https://127.0.0.1:6443",
                "ca_data": "Q0E=",
                "version": "1.33",
            }
        ],
    }
    settings.update(changes)
    path = folder / "config.json"
    path.write_text(json.dumps({name: value for name, value in settings.items() if value is not None}))
    return path


@contextmanager
def running(config: Path) -> Iterator[subprocess.Popen[str]]:
    """Run the process until the block ends."""
    command = [sys.executable, "-m", "eksauth.sandbox.aws", "--config", str(config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_until_ready(process: subprocess.Popen[str], folder: Path) -> dict[str, Any]:
    """Return the ready file's content once it is there."""
    path = folder / "ready.json"
    while not path.exists():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.02)
    ready: dict[str, Any] = json.loads(path.read_text())
    return ready


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["term", "int"])
def test_life(tmp_path: Path, number: signal.Signals) -> None:
    """The process says when it is ready, serves, and leaves without a word or a ready file when told to."""
    with running(write_config(tmp_path)) as process:
        ready = wait_until_ready(process, tmp_path)
        assert ready["pid"] == process.pid
        tls = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        request = urllib.request.Request(
            f"{ready['url']}/_sandbox/clusters", headers={"Authorization": f"Bearer {TOKEN}"}
        )
        with urllib.request.urlopen(request, context=tls, timeout=20) as answer:
            assert json.load(answer)["clusters"][0]["name"] == "demo"
        for name in ("ready.json", "seed.json"):
            assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
        seed = json.loads((tmp_path / "seed.json").read_text())
        process.send_signal(number)
        out, error = process.communicate(timeout=30)
        assert (process.returncode, out, error) == (0, "", "")
        assert not (tmp_path / "ready.json").exists()
        assert len(seed["users"]["alice"]["secret_access_key"]) == 40


def ask(url: str, folder: Path, body: bytes, **headers: str) -> Any:
    """Post to the process and return the JSON that it answers."""
    tls = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    request = urllib.request.Request(url, data=body, headers=headers)
    with urllib.request.urlopen(request, context=tls, timeout=20) as answer:
        return json.load(answer)


def test_issuers_of_the_process_itself(tmp_path: Path) -> None:
    """STS believes the certificate that the process serves with, so its own CI issuer works without any setting."""
    with running(write_config(tmp_path)) as process:
        url = wait_until_ready(process, tmp_path)["url"]
        wanted = json.dumps({"platform": "github", "audience": "sts.amazonaws.com"}).encode()
        token = ask(f"{url}/_sandbox/ci/tokens", tmp_path, wanted, Authorization=f"Bearer {TOKEN}")["token"]
        seed = json.loads((tmp_path / "seed.json").read_text())
        form = {
            "Action": "AssumeRoleWithWebIdentity",
            "RoleArn": seed["federation"]["ci"]["github_role_arn"],
            "RoleSessionName": "job",
            "WebIdentityToken": token,
        }
        answer = ask(f"{url}/", tmp_path, urlencode(form).encode(), Accept="application/json")
        result = answer["AssumeRoleWithWebIdentityResponse"]["AssumeRoleWithWebIdentityResult"]
        assert result["AssumedRoleUser"]["Arn"].endswith(":assumed-role/GitHubDeploy/job")
        process.terminate()
        assert process.wait(30) == 0


@pytest.mark.parametrize(
    "changes, reason",
    [
        pytest.param({"listen": "0.0.0.0:0"}, "loopback", id="not-loopback"),
        pytest.param({"listen": "127.0.0.1:99999"}, "loopback", id="port-out-of-range"),
        pytest.param({"listen": "127.0.0.1"}, "loopback", id="no-port"),
        pytest.param({"control_token": "short"}, "16 characters", id="short-token"),
        pytest.param({"control_token": None}, "control_token", id="no-token"),
        pytest.param({"seed": "mine"}, "seed", id="seed"),
        pytest.param({"unknown": 1}, "unknown", id="unknown-setting"),
        pytest.param({"tls": {"cert": "/nonexistent", "key": "/nonexistent"}}, "No such file", id="no-certificate"),
        pytest.param({"trusted_authorities": ["/nonexistent"]}, "No such file", id="no-authority"),
        pytest.param({"trusted_authorities": [__file__]}, "cannot serve", id="no-certificate-in-authority"),
        pytest.param({"clusters": [{"name": "x"}]}, "region", id="half-a-cluster"),
        pytest.param({"ready_file": "/nonexistent/dir/ready"}, "No such file", id="ready-file"),
    ],
)
def test_bad_configuration(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    """A configuration that cannot work ends with one line, a reason and exit code 3."""
    with running(write_config(tmp_path, **changes)) as process:
        out, error = process.communicate(timeout=60)
    assert (process.returncode, out) == (3, "")
    assert error.startswith("eksauth: error: ")
    assert reason in error
    assert "Traceback" not in error


@pytest.mark.parametrize("content", [None, "", "{", "[]", "\xff"], ids=["absent", "empty", "cut", "list", "latin"])
def test_unreadable_configuration(tmp_path: Path, content: str | None) -> None:
    """A configuration file that is absent or no JSON object is named in the error."""
    path = tmp_path / "config.json"
    if content is not None:
        path.write_bytes(content.encode("latin-1"))
    with running(path) as process:
        _, error = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "config.json" in error
    assert "Traceback" not in error


def test_port_in_use(tmp_path: Path) -> None:
    """A taken port is an error that names it."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with running(write_config(tmp_path, listen=f"127.0.0.1:{port}")) as process:
            _, error = process.communicate(timeout=60)
    assert process.returncode == 3
    assert f"127.0.0.1:{port}" in error
