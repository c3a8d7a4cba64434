"""The examples of docs/how-to/use-the-library.md, run against a TLS server."""

from __future__ import annotations

import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from lightkube import Client, KubeConfig
from lightkube.config.models import Cluster, User, UserExec
from lightkube.resources.core_v1 import Namespace
from tests.token.tls_server import Server

import eksauth

EKSAUTH = str(Path(sysconfig.get_path("scripts")) / "eksauth")


@pytest.fixture(name="server")
def server_(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Run the server, with AWS keys in the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    server = Server(trustme.CA())
    yield server
    server.close()


@pytest.mark.parametrize("how", ["token", "exec"])
def test_lightkube(server: Server, tmp_path: Path, how: str) -> None:
    """A lightkube client presents a minted token, or has the plugin make one."""
    (tmp_path / "ca.pem").write_bytes(server.authority_pem)
    token = eksauth.mint_token(cluster_name="demo", region="eu-west-1")
    plugin = UserExec(
        apiVersion="client.authentication.k8s.io/v1beta1",
        command=EKSAUTH,
        args=["token", "--cluster-name", "demo", "--region", "eu-west-1"],
    )
    config = KubeConfig.from_one(
        cluster=Cluster(server=server.url, certificate_auth=str(tmp_path / "ca.pem")),
        user=User(token=token.text) if how == "token" else User(exec=plugin),
    )
    assert list(Client(config=config).list(Namespace)) == []
    assert server.tokens[-1].startswith("Bearer k8s-aws-v1.")


def test_official_client(server: Server, tmp_path: Path) -> None:
    """The official client asks the hook for the key before each request, and gets a new token after expiry."""
    client: Any = pytest.importorskip("kubernetes.client", reason="needs the kubernetes client")
    (tmp_path / "ca.pem").write_bytes(server.authority_pem)

    def authorize(configuration: Any) -> None:
        held = getattr(configuration, "eksauth_token", None)
        if held is None or held.expires_at <= time.time():
            held = configuration.eksauth_token = eksauth.mint_token(cluster_name="demo", region="eu-west-1")
            configuration.api_key["authorization"] = f"Bearer {held.text}"

    configuration = client.Configuration(host=server.url)
    configuration.ssl_ca_cert = str(tmp_path / "ca.pem")
    configuration.refresh_api_key_hook = authorize
    authorize(configuration)
    core = client.CoreV1Api(client.ApiClient(configuration))
    assert core.list_namespace().items == []
    core.api_client.configuration.eksauth_token.expires_at = 0
    core.list_namespace()
    assert len(server.tokens) == 2
    assert all(token.startswith("Bearer k8s-aws-v1.") for token in server.tokens)
    assert core.api_client.configuration.eksauth_token.expires_at > time.time()
