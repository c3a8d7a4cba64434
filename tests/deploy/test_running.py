"""The server as the plain manifests start it: ready for its probes, and following its ConfigMap."""

from __future__ import annotations

import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.authenticator.process import FakeSts, fake_sts
from tests.authenticator.serving import mint
from tests.deploy.chart import DEPLOY, manifests
from tests.deploy.moved import Answering, containers, publish, started

KUBECONFIG = "/etc/kubernetes/aws-iam-authenticator"


@pytest.fixture(name="sts")
def sts_() -> Iterator[FakeSts]:
    """Run an STS that vouches for a session of role Admin."""
    with fake_sts() as sts:
        yield sts


def probe(server: Answering, path: str) -> int:
    """Ask the status port as the kubelet does and return the HTTP status."""
    url = f"http://127.0.0.1:{server.ready['status_port']}{path}"
    try:
        with urllib.request.urlopen(url, timeout=30) as reply:
            status: int = reply.status
            return status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_the_daemonset_from_its_first_start_to_its_last_signal(tmp_path: Path, sts: FakeSts) -> None:
    """It makes what the host lacks, passes its probes, takes a changed ConfigMap, keeps a broken one out, and drains."""
    found = manifests((DEPLOY / "manifests" / "daemonset-file.yaml").read_text())
    _, moved = containers(found, tmp_path, sts)
    moved.command.append("--status-port=0")
    with started(moved, tmp_path) as server:
        assert [probe(server, path) for path in ("/healthz", "/readyz", "/metrics", "/")] == [200] * 4
        assert Path(moved.here(f"{KUBECONFIG}/kubeconfig.yaml")).exists()
        assert server.review(mint())["user"]["username"] == "admin:ann-example.com"
        path = tmp_path / "config" / "config.yaml"
        before = path.read_text()
        publish(tmp_path / "config", {"config.yaml": before.replace("admin:{{", "root:{{")}, "..second")
        assert _becomes(server, "root:ann-example.com")
        publish(tmp_path / "config", {"config.yaml": before.replace("admin:{{", "{{")}, "..third")
        publish(tmp_path / "config", {"config.yaml": before.replace("mapRoles:", "mapRoles: {{")}, "..fourth")
        publish(tmp_path / "config", {"config.yaml": before.replace("admin:{{", "last:{{")}, "..fifth")
        assert _becomes(server, "last:ann-example.com")
        code, log = server.stop()
    assert code == 0, log


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_directories_of_the_host_are_given_to_the_server(tmp_path: Path) -> None:
    """The init container changes the owner of both directories and of what is in them, links themselves included."""
    found = manifests((DEPLOY / "manifests" / "daemonset-file.yaml").read_text())
    [prepare], moved = containers(found, tmp_path)
    state, kubeconfig = (Path(moved.here(path)) for path in ("/var/aws-iam-authenticator", KUBECONFIG))
    outside = tmp_path / "outside"
    for path in (outside, state / "key.pem", kubeconfig / "kubeconfig.yaml"):
        path.write_text("")
    (state / "link").symlink_to(outside)
    done = prepare.run()
    assert done.returncode == 0, done.stderr
    for path in (state, state / "key.pem", state / "link", kubeconfig, kubeconfig / "kubeconfig.yaml"):
        assert (path.lstat().st_uid, path.lstat().st_gid) == (65532, 65532)
    assert outside.stat().st_uid == 0


def test_the_configuration_of_the_manifest_is_the_one_that_is_read(tmp_path: Path, sts: FakeSts) -> None:
    """Nothing of the chart's own is lost on the way through the volume."""
    found = manifests((DEPLOY / "manifests" / "daemonset-file.yaml").read_text())
    containers(found, tmp_path, sts)
    config = yaml.safe_load((tmp_path / "config" / "config.yaml").read_text())
    assert config["clusterID"] == "demo"
    assert set(config["server"]["stsEndpointOverrides"].values()) == {sts.url}


def _becomes(server: Answering, username: str) -> bool:
    for serial in range(200):
        if server.review(mint(serial=serial))["user"]["username"] == username:
            return True
        time.sleep(0.1)
    return False
