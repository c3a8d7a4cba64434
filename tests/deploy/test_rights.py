"""RBAC rules: exactly what the backends ask of the API, as the API server's own audit log tells."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.authenticator.process import config_in, running
from tests.deploy.chart import Chart, crds
from tests.deploy.cluster import Cluster

pytestmark = [pytest.mark.peer, pytest.mark.slow]
Right = tuple[str, str, str, str, str]
"""Namespace (empty for the whole cluster), group, resource, verb, name (empty for any)."""
MAPPING = {
    "apiVersion": "iamauthenticator.k8s.aws/v1alpha1",
    "kind": "IAMIdentityMapping",
    "metadata": {"name": "rights"},
    "spec": {"arn": "arn:aws:iam::111122223333:role/Rights", "username": "rights"},
}
ENTRY = {
    "apiVersion": "access.eksauth.dev/v1alpha1",
    "kind": "AccessEntry",
    "metadata": {"name": "rights"},
    "spec": {"principalArn": "arn:aws:iam::111122223333:role/Rights"},
}
AWS_AUTH = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "aws-auth", "namespace": "kube-system"},
    "data": {"mapRoles": "- {rolearn: 'arn:aws:iam::111122223333:role/A', username: a}\n"},
}
CASES: dict[str, dict[str, Any]] = {"EKSConfigMap": AWS_AUTH, "CRD": MAPPING, "AccessEntries": ENTRY}


def granted(found: list[dict[str, Any]]) -> set[Right]:
    """Return what roles grant."""
    rights: set[Right] = set()
    for role in found:
        if role["kind"] not in {"Role", "ClusterRole"}:
            continue
        for rule in role["rules"]:
            rights |= {
                (role["metadata"].get("namespace", ""), group, resource, verb, name)
                for group in rule["apiGroups"]
                for resource in rule["resources"]
                for verb in rule["verbs"]
                for name in rule.get("resourceNames", [""])
            }
    return rights


def used(event: dict[str, Any]) -> Right:
    """Return the right that a request takes."""
    ref = event["objectRef"]
    resource = f"{ref['resource']}/{ref['subresource']}" if "subresource" in ref else ref["resource"]
    return ref.get("namespace", ""), ref.get("apiGroup", ""), resource, event["verb"], ref.get("name", "")


def covers(right: Right, request: Right) -> bool:
    """Tell whether a right is what a request takes; a list of one name is a request for that name."""
    return right[:4] == request[:4] and right[4] in ("", request[4])


@pytest.fixture(name="_clean")
def clean_(cluster: Cluster) -> Iterator[None]:
    """Leave nothing behind."""
    cluster.apply(crds())
    cluster.established()
    yield
    cluster.delete([AWS_AUTH, MAPPING, ENTRY])
    cluster.run("delete", "leases", "--all", "-n", "kube-system")


@pytest.mark.parametrize("mode", CASES)
@pytest.mark.usefixtures("_clean")
def test_rights_are_what_the_backend_uses(chart: Chart, cluster: Cluster, tmp_path: Path, mode: str) -> None:
    """With the chart's rights nothing is forbidden, and there is no right that is never used."""
    item = CASES[mode]
    found = chart.render({"clusterID": "demo", "backendMode": [mode]})
    rules = [document for document in found if document["apiVersion"].startswith("rbac.authorization.k8s.io/")]
    rights = granted(rules)
    cluster.apply([*rules, item])
    since = len(cluster.audited())
    config = config_in(tmp_path, backendMode=mode, kubeconfig=str(cluster.server))
    try:
        # the second server has the same to tell as the first: its event is there already
        for verb in ("create", "patch"):
            with running(tmp_path, config) as server:
                _wait_for(cluster, since, "watch", item["kind"])
                _make_news(cluster, mode)
                _wait_for(cluster, since, verb, "Event")
                server.process.terminate()
                server.finish()
            _undo_news(cluster, mode)
    finally:
        cluster.delete(rules)
    events = cluster.audited(since)
    assert {used(event) for event in events if event["responseStatus"]["code"] in {401, 403}} == set()
    requests = [used(event) for event in events]
    assert {right for right in rights if not any(covers(right, request) for request in requests)} == set()


_RESOURCES = {
    "ConfigMap": "configmaps",
    "IAMIdentityMapping": "iamidentitymappings",
    "AccessEntry": "accessentries",
    "Event": "events",
}


def _wait_for(cluster: Cluster, since: int, verb: str, kind: str) -> None:
    requests: set[tuple[str, ...]] = set()
    for _ in range(600):
        requests = {used(event)[2:4] for event in cluster.audited(since)}
        if (_RESOURCES[kind], verb) in requests:
            return
        time.sleep(0.1)
    pytest.fail(f"the server never asked to {verb} {_RESOURCES[kind]}: {requests}")


def _make_news(cluster: Cluster, mode: str) -> None:
    """Give the server something to write an event about; custom resources get their first status anyway."""
    if mode == "EKSConfigMap":
        cluster.apply([AWS_AUTH | {"data": {"mapRoles": "- {{"}}])


def _undo_news(cluster: Cluster, mode: str) -> None:
    item = CASES[mode]
    if mode == "EKSConfigMap":
        cluster.apply([item])
        return
    name = f"{_RESOURCES[item['kind']]}/{item['metadata']['name']}"
    patch = '[{"op": "remove", "path": "/status"}]'
    done = cluster.run("patch", name, "--subresource=status", "--type=json", "-p", patch)
    assert done.returncode == 0, done.stderr
