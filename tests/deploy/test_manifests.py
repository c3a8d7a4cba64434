"""The plain manifests, which need no helm: valid, confined, and the same as what the chart renders."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.deploy.chart import DEPLOY, Chart, manifests, only, pod_of
from tests.deploy.cluster import Cluster

from eksauth.authenticator.backends.assemble import check_backends
from eksauth.authenticator.config import parse_server_config
from eksauth.cli.server_run import run

PLAIN = sorted((DEPLOY / "manifests").glob("*.yaml"))
each = pytest.mark.parametrize("path", PLAIN, ids=[path.stem for path in PLAIN])
_ENOUGH: dict[tuple[str, str], set[str]] = {
    ("", "configmaps"): {"list", "watch"},
    ("", "events"): {"create", "patch"},
    ("iamauthenticator.k8s.aws", "iamidentitymappings"): {"list", "watch"},
    ("iamauthenticator.k8s.aws", "iamidentitymappings/status"): {"patch"},
    ("access.eksauth.dev", "accessentries"): {"list", "watch"},
    ("access.eksauth.dev", "accessentries/status"): {"patch"},
    ("coordination.k8s.io", "leases"): {"create", "get", "update"},
}


@each
@pytest.mark.peer
def test_an_api_server_takes_them(cluster: Cluster, path: Path) -> None:
    """Strict validation finds no unknown field, and nothing is deprecated."""
    cluster.would_take(manifests(path.read_text()))


@each
def test_they_start_our_server(path: Path) -> None:
    """Command, arguments and configuration are those of this version."""
    found = manifests(path.read_text())
    [container] = pod_of(found)["containers"]
    assert container["command"] == ["eksauth", "server", "run"]
    run.make_context("run", list(container["args"]))
    config = parse_server_config(only(found, "ConfigMap")["data"]["config.yaml"], "config.yaml")
    assert config.warnings == ()
    check_backends(config)


@each
def test_they_are_confined(path: Path) -> None:
    """No privileges, whether or not helm is here to render the chart."""
    pod = pod_of(manifests(path.read_text()))
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
    [container] = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


@each
def test_no_right_is_too_many(path: Path) -> None:
    """No wildcards, nothing but what backends ask for, and single objects where rights can name them."""
    for role in manifests(path.read_text()):
        for rule in role.get("rules", []) if role["kind"] in {"Role", "ClusterRole"} else []:
            _judge(role["kind"], rule)


def _judge(kind: str, rule: dict[str, Any]) -> None:
    for group in rule["apiGroups"]:
        for resource in rule["resources"]:
            assert set(rule["verbs"]) <= _ENOUGH[group, resource]
            if resource in {"configmaps", "leases", "events"}:
                assert kind == "Role"
            if resource == "configmaps":
                assert rule["resourceNames"] == ["aws-auth"]
            if resource == "leases" and rule["verbs"] != ["create"]:
                assert rule["resourceNames"]


@pytest.mark.peer
def test_they_are_what_the_chart_renders(chart: Chart, tmp_path: Path) -> None:
    """A change of the chart is a change of the manifests: run render.py."""
    script = DEPLOY / "manifests" / "render.py"
    environ = {"PATH": os.environ["PATH"], "HELM": str(chart.helm), "HOME": str(tmp_path)}
    subprocess.run([sys.executable, str(script), str(tmp_path)], env=environ, check=True, timeout=120)
    assert {path.name: (tmp_path / path.name).read_text() for path in PLAIN} == {
        path.name: path.read_text() for path in PLAIN
    }
    assert len(PLAIN) == len(list((DEPLOY / "manifests" / "values").glob("*.yaml")))
