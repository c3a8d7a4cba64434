"""Deployments of aws-iam-authenticator run with another image and command, and nothing else changed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.authenticator.process import FakeSts, fake_sts
from tests.authenticator.serving import mint
from tests.deploy.chart import crds
from tests.deploy.cluster import Cluster
from tests.deploy.moved import Answering, containers, read, started

from eksauth.authenticator.config import parse_server_config
from eksauth.authenticator.server.certs import alternative_names, make_pair
from eksauth.authenticator.server.webhook_kubeconfig import render


@pytest.fixture(name="sts")
def sts_() -> Iterator[FakeSts]:
    """Run an STS that vouches for a session of role Admin."""
    with fake_sts() as sts:
        yield sts


def test_a_daemonset_with_every_key(tmp_path: Path, sts: FakeSts) -> None:
    """Every key of a configuration file is taken; the server gets ready, answers as configured, and drains."""
    found = read("daemonset.yaml")
    config = parse_server_config(found[0]["data"]["config.yaml"], "config.yaml")
    assert {warning.code for warning in config.warnings} == {"config.key_case"} or not config.warnings
    _, moved = containers(found, tmp_path, sts)
    with started(moved, tmp_path) as server:
        user = server.review(mint())["user"]
        assert user["username"] == "kubernetes-admin:111122223333:ann-example.com"
        assert user["groups"] == ["system:masters"]
        assert server.ask("/healthz") == b"ok"
        assert b"aws_iam_authenticator_authenticate_latency_seconds_bucket" in server.ask("/metrics")
        kubeconfig = moved.here("/etc/kubernetes/aws-iam-authenticator/kubeconfig.yaml")
        assert server.ready["kubeconfig"] == kubeconfig
        assert server.ready["certificate"] == moved.here("/var/aws-iam-authenticator/cert.pem")
        code, log = server.stop()
    assert code == 0
    assert '"msg":"access granted"' in log


def test_kops_with_a_certificate_and_a_kubeconfig_from_before(tmp_path: Path, sts: FakeSts) -> None:
    """A certificate that is there is used, and a kubeconfig that is not ours to write is not written."""
    _, moved = containers(read("kops.yaml"), tmp_path, sts)
    state = Path(moved.here("/var/aws-iam-authenticator"))
    certificate, key = make_pair(alternative_names(("127.0.0.1", "localhost")), time.time())
    (state / "cert.pem").write_bytes(certificate)
    (state / "key.pem").write_bytes(key)
    before = render("https://localhost:21362/authenticate", certificate)
    (state / "kubeconfig.yaml").write_bytes(before)
    with started(moved, tmp_path) as server:
        assert server.ready["kubeconfig"] is None
        assert server.review(mint())["user"]["username"] == "admin"
        assert (state / "cert.pem").read_bytes() == certificate
        assert (state / "kubeconfig.yaml").read_bytes() == before
    assert sorted(path.name for path in state.iterdir()) == ["cert.pem", "key.pem", "kubeconfig.yaml"]


def test_kubeadm_with_init_and_environment(tmp_path: Path, sts: FakeSts) -> None:
    """'init' makes what the server then uses; short options, values after '=' and the two variables count."""
    [init], moved = containers(read("kubeadm.yaml"), tmp_path, sts)
    done = init.run()
    assert done.returncode == 0, done.stderr
    certificate = Path(moved.here("/var/aws-iam-authenticator/cert.pem"))
    before = certificate.read_bytes()
    assert "https://localhost:21362/authenticate" in (tmp_path / "output" / "kubeconfig.yaml").read_text()
    moved.command.extend(
        [f"--state-dir={certificate.parent}", f"--generate-kubeconfig={tmp_path / 'output' / 'kubeconfig.yaml'}"]
    )
    with started(moved, tmp_path) as server:
        assert server.review(mint())["user"]["username"] == "admin"
        assert certificate.read_bytes() == before
        _, log = server.stop()
    # -v=info beats the variable
    assert '"level":"debug"' not in log
    assert '"cluster":"demo"' in log


@pytest.mark.peer
def test_backends_of_the_cluster(tmp_path: Path, sts: FakeSts, cluster: Cluster) -> None:
    """EKSConfigMap and CRD work with the rights that the example manifests of aws-iam-authenticator give."""
    rights = [
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "aws-iam-authenticator"},
            "rules": [
                {
                    "apiGroups": ["iamauthenticator.k8s.aws"],
                    "resources": ["iamidentitymappings"],
                    "verbs": ["get", "list", "watch"],
                },
                {
                    "apiGroups": ["iamauthenticator.k8s.aws"],
                    "resources": ["iamidentitymappings/status"],
                    "verbs": ["patch", "update"],
                },
                {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "update", "patch"]},
                {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list", "watch"]},
            ],
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "aws-iam-authenticator"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "aws-iam-authenticator",
            },
            "subjects": [{"kind": "ServiceAccount", "name": "eksauth", "namespace": "kube-system"}],
        },
    ]
    roles = '- {rolearn: "arn:aws:iam::111122223333:role/Admin", username: from-aws-auth, groups: [g]}\n'
    aws_auth = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "aws-auth", "namespace": "kube-system"},
        "data": {"mapRoles": roles},
    }
    mapping = {
        "apiVersion": "iamauthenticator.k8s.aws/v1alpha1",
        "kind": "IAMIdentityMapping",
        "metadata": {"name": "dev"},
        "spec": {"arn": "arn:aws:iam::111122223333:role/Dev", "username": "from-crd", "groups": ["g"]},
    }
    cluster.apply([*rights, aws_auth, *crds()])
    cluster.established()
    cluster.apply([mapping])
    try:
        _, moved = containers(read("cluster-backends.yaml"), tmp_path, sts)
        (tmp_path / "output" / "authenticator.conf").write_text(cluster.server.read_text())
        with started(moved, tmp_path) as server:
            assert username(server) == "from-aws-auth"
            sts.answer = lambda: said("arn:aws:sts::111122223333:assumed-role/Dev/ann", "AROADEV:ann")
            assert username(server, serial=1) == "from-crd"
    finally:
        cluster.delete([*rights, aws_auth, mapping])


def said(arn: str, user_id: str) -> tuple[int, object]:
    """Return what STS says about a caller."""
    result = {"Account": arn.split(":")[4], "Arn": arn, "UserId": user_id}
    return 200, {"GetCallerIdentityResponse": {"GetCallerIdentityResult": result}}


def username(server: Answering, serial: int = 0) -> str | None:
    """Return whom the caller becomes, None when there is a refusal."""
    status = server.review(mint(serial=serial))
    name: str | None = status["user"]["username"] if status.get("authenticated") else None
    return name
