"""kubectl runs the exec plugin: both protocol versions, all three command grammars, and what people see on failure."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from tests.token.tls_server import Server

from eksauth.sandbox.binaries import find_kubectl

pytestmark = pytest.mark.peer

EKSAUTH = str(Path(sysconfig.get_path("scripts")) / "eksauth")
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "eu-west-1"}
V1 = "client.authentication.k8s.io/v1"
GRAMMARS = {
    "token": ["token", "--cluster-name", "demo"],
    "get-token": ["--region", "eu-west-1", "eks", "get-token", "--cluster-name", "demo", "--output", "json"],
    "old get-token": ["eks", "get-token", "--cluster-name", "demo", "--region", "eu-west-1"],
    "atmos": ["aws", "eks", "token", "--cluster-name", "demo", "--region", "eu-west-1"],
}


@pytest.fixture(name="server")
def server_() -> Iterator[Server]:
    """Run the server."""
    server = Server(trustme.CA())
    yield server
    server.close()


@pytest.fixture(name="kubectl")
def kubectl_() -> Path:
    """Find a plain kubectl."""
    found = find_kubectl()
    if found is None:
        pytest.skip("needs kubectl")
    return found


def ask(
    kubectl: Path, server: Server, home: Path, args: list[str], version: str, **more: object
) -> subprocess.CompletedProcess[str]:
    """Let kubectl fetch the server's version with eksauth as its plugin."""
    plugin = {"apiVersion": version, "command": EKSAUTH, "args": args, "interactiveMode": "Never", **more}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "x",
        "clusters": [{"name": "x", "cluster": {"server": server.url, "certificate-authority-data": server.authority}}],
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
        "users": [{"name": "x", "user": {"exec": plugin}}],
    }
    (home / "kubeconfig").write_text(json.dumps(config))
    return subprocess.run(
        [str(kubectl), "--kubeconfig", str(home / "kubeconfig"), "get", "--raw", "/version"],
        env={**os.environ, **KEYS},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("version", [V1, f"{V1}beta1"])
@pytest.mark.parametrize("args", list(GRAMMARS.values()), ids=list(GRAMMARS))
def test_kubectl_gets_a_token(kubectl: Path, server: Server, home: Path, args: list[str], version: str) -> None:
    """With either protocol version and any grammar, kubectl presents a token for the right cluster and region."""
    done = ask(kubectl, server, home, args, version)
    assert (done.returncode, done.stderr) == (0, "")
    assert '"v1.33.0"' in done.stdout
    (header,) = set(server.tokens)
    token = header.removeprefix("Bearer k8s-aws-v1.")
    url = base64.urlsafe_b64decode(token + "==").decode()
    assert url.startswith("https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity")


def test_cluster_information_in_the_request(kubectl: Path, server: Server, home: Path) -> None:
    """``provideClusterInfo`` makes the request long; the answer is the same."""
    done = ask(kubectl, server, home, GRAMMARS["token"], V1, provideClusterInfo=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_a_person_sees_when_it_fails(kubectl: Path, server: Server, home: Path) -> None:
    """The plugin's error and hint reach the terminal above kubectl's own message, and no request is made."""
    done = ask(kubectl, server, home, ["token", "--cluster-name", " demo"], V1)
    assert done.returncode != 0
    assert "eksauth: error: the cluster name has blanks around it\neksauth: hint: use demo\n" in done.stderr
    assert "exit code 2" in done.stderr
    assert server.tokens == []
