"""Servers as processes whose backends are in a cluster: logins, metrics, reload, cut off, and one leader of two."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import ssl
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.authenticator.backends.clusters import LEASES, MAPPINGS, Cluster
from tests.authenticator.process import FakeSts, Server, config_in, fake_sts, running
from tests.authenticator.serving import ROLE_ARN, mint

from eksauth.authenticator.backends.cluster.crd import LEASE

pytestmark = [pytest.mark.peer, pytest.mark.slow]
VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"


@pytest.fixture(name="sts")
def sts_() -> Iterator[FakeSts]:
    """Run an STS that vouches for everybody."""
    with fake_sts() as sts:
        yield sts


def until(true: Callable[[], object], seconds: float = 60) -> None:
    """Wait for something that happens soon."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def who(server: Server) -> str | None:
    """Return who a role's session becomes."""
    answer = server.review(mint(serial=1))["status"]
    return str(answer["user"]["username"]) if answer.get("authenticated") else None


def in_cluster(directory: Path, cluster: Cluster, sts: FakeSts, *modes: str, **more: object) -> Path:
    """Write a configuration whose mappings are all in the cluster."""
    directory.mkdir(exist_ok=True)
    return config_in(directory, sts, backendMode=list(modes), kubeconfig=str(cluster.kubeconfig()), mapRoles=[], **more)


def test_a_config_map_from_start_to_reload(real: Cluster, sts: FakeSts, tmp_path: Path) -> None:
    """Logins follow the ConfigMap; a list of backends that is changed and changed back keeps it watched."""
    directory = tmp_path / "one"
    config = in_cluster(directory, real, sts, "EKSConfigMap")
    with running(directory, config) as server:
        assert who(server) is None
        real.aws_auth(mapRoles=f"- rolearn: {ROLE_ARN}\n  username: one\n  groups: [g]\n")
        until(lambda: who(server) == "one")
        in_cluster(directory, real, sts, "EKSConfigMap", "MountedFile")
        until(lambda: server.metric("eksauth_backend_synced", backend="MountedFile") == 1)
        real.aws_auth(mapRoles=f"- rolearn: {ROLE_ARN}\n  username: two\n  groups: [g]\n")
        until(lambda: who(server) == "two")
        in_cluster(directory, real, sts, "MountedFile")
        until(lambda: who(server) is None)
        assert server.metric("aws_iam_authenticator_configmap_watch_failures_total") == 0
        server.process.send_signal(signal.SIGTERM)
        code, log = server.finish()
    assert code == 0
    assert "Traceback" not in log
    assert "never awaited" not in log


def test_the_api_is_gone_for_a_while(real: Cluster, sts: FakeSts, tmp_path: Path) -> None:
    """Logins go on while the API server is away; the failures are counted under the reference's name; then it resumes."""
    real.aws_auth(mapRoles=f"- rolearn: {ROLE_ARN}\n  username: one\n  groups: [g]\n")
    directory = tmp_path / "one"
    with running(directory, in_cluster(directory, real, sts, "EKSConfigMap")) as server:
        until(lambda: who(server) == "one")
        real.stop(kill=True)
        try:
            until(lambda: server.metric("aws_iam_authenticator_configmap_watch_failures_total") >= 2)
            assert who(server) == "one"
            assert server.metric("eksauth_backend_failing", backend="EKSConfigMap") == 1
            assert server.metric("eksauth_backend_synced", backend="EKSConfigMap") == 1
        finally:
            real.start()
        real.aws_auth(mapRoles=f"- rolearn: {ROLE_ARN}\n  username: two\n  groups: [g]\n")
        until(lambda: who(server) == "two")
        until(lambda: server.metric("eksauth_backend_failing", backend="EKSConfigMap") == 0)


def test_access_entries_authenticate_and_authorize(custom: Cluster, sts: FakeSts, tmp_path: Path) -> None:
    """With the mode AccessEntries and no file, AccessEntry objects decide who is let in and what policies grant."""
    directory = tmp_path / "one"
    with running(directory, in_cluster(directory, custom, sts, "AccessEntries")) as server:
        policy = {"policyArn": VIEW, "accessScope": {"type": "cluster"}}
        custom.enter("admin", principalArn=ROLE_ARN, username="admin", accessPolicies=[policy])
        until(lambda: who(server) == "admin")
        assert authorized(server)
        custom.enter("admin", principalArn=ROLE_ARN, username="admin")
        until(lambda: not authorized(server))


def authorized(server: Server) -> bool:
    """Tell whether the role may list pods."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": "admin",
            "extra": {"canonicalArn": [ROLE_ARN]},
            "resourceAttributes": {"verb": "list", "resource": "pods", "namespace": "dev"},
        },
    }
    tls = ssl.create_default_context(cafile=server.ready["certificate"])
    url = server.ready["url"].replace("/authenticate", "/authorize")
    request = urllib.request.Request(url, json.dumps(review).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, context=tls, timeout=30) as reply:
        answer: dict[str, Any] = json.loads(reply.read())
    return bool(answer["status"]["allowed"])


def test_one_of_two_processes_leads(custom: Cluster, sts: FakeSts, tmp_path: Path) -> None:
    """The process that leads is killed: the other lets people in as before, and takes the lease over when it is over."""

    def holder() -> str:
        spec = custom.ask("GET", f"{LEASES}/{LEASE}")[1].get("spec") or {}
        return str(spec.get("holderIdentity", ""))

    def canonical(name: str) -> object:
        return (custom.ask("GET", f"{MAPPINGS}/{name}")[1].get("status") or {}).get("canonicalARN")

    custom.map("admin", arn=ROLE_ARN, username="admin")
    with contextlib.ExitStack() as stack:
        one = stack.enter_context(running(tmp_path / "one", in_cluster(tmp_path / "one", custom, sts, "CRD")))
        until(lambda: canonical("admin") == ROLE_ARN.lower())
        first = holder()
        two = stack.enter_context(running(tmp_path / "two", in_cluster(tmp_path / "two", custom, sts, "CRD")))
        until(lambda: who(two) == "admin")
        os.kill(one.process.pid, signal.SIGKILL)
        custom.map("late", arn=f"{ROLE_ARN}2", username="late")
        assert who(two) == "admin"
        assert (holder(), canonical("late")) == (first, None)
        until(lambda: canonical("late") == f"{ROLE_ARN}2".lower(), 90)
        assert holder() not in {"", first}
        two.process.send_signal(signal.SIGTERM)
        assert two.finish()[0] == 0
        assert holder() == ""


def test_a_backend_without_a_cluster(sts: FakeSts, tmp_path: Path) -> None:
    """Outside of a cluster and without a kubeconfig the server does not start, and a reload changes nothing."""
    config = config_in(tmp_path, sts)
    with running(tmp_path, config) as server:
        assert who(server) == "admin"
        document = yaml.safe_load(config.read_text())
        document["server"]["backendMode"] = ["MountedFile", "CRD"]
        config.write_text(yaml.safe_dump(document))
        until(lambda: server.metric("eksauth_backend_loads_total", backend="configuration", result="failed") == 1)
        assert who(server) == "admin"
