"""Who gets into a real kube-apiserver and what they may do there: mappings, RBAC, access policies, restarts."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.authenticator.process import config_in, fake_sts, running
from tests.authenticator.serving import ACCOUNT, mint
from tests.e2e.control_plane import Cluster, control_plane

from eksauth.authenticator.server.certs import alternative_names, make_pair
from eksauth.sandbox.binaries import find_control_plane, find_kubectl

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.timeout(300)]
POLICY = "arn:aws:eks::aws:cluster-access-policy/AmazonEKS{}Policy"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
PODS, NODES = "/api/v1/namespaces/default/pods", "/api/v1/nodes"
SECRETS = "/api/v1/namespaces/default/secrets"


def arn(role: str) -> str:
    """Return a role's ARN."""
    return f"arn:aws:iam::{ACCOUNT}:role/{role}"


def entry(role: str, policy: str, *namespaces: str, **fields: object) -> dict[str, object]:
    """Return an access entry with one policy."""
    scope = {"type": "namespace", "namespaces": namespaces} if namespaces else {"type": "cluster"}
    association = {"policyArn": POLICY.format(policy), "accessScope": scope}
    return {"principalArn": arn(role), "accessPolicies": [association], **fields}


def dynamic(*roles: str) -> str:
    """Return a dynamic file."""
    return json.dumps({"mapRoles": [{"rolearn": arn(role), "username": f"dynamic:{role}"} for role in roles]})


ENTRIES = [entry("Viewer", "View"), entry("Developer", "Edit", "dev-*"), entry("Boss", "ClusterAdmin")]
MAPPED = {
    "mapRoles": [
        {"rolearn": arn("Admin"), "username": "admin", "groups": ["system:masters"]},
        {"rolearn": arn("PodReader"), "username": "pod-reader", "groups": ["pod-readers"]},
        {"rolearn": arn("Impostor"), "username": "system:admin", "groups": ["system:masters"]},
    ],
    "mapUsers": [
        {"userarn": f"arn:aws:iam::{ACCOUNT}:user/nodes", "username": "node-reader", "groups": ["node-readers"]}
    ],
}


@pytest.fixture(scope="module", name="cluster")
def cluster_(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Run a cluster whose authenticator has three backends."""
    programs = find_control_plane()
    if programs is None:
        pytest.skip("no kube-apiserver and etcd here; KUBEBUILDER_ASSETS can name their directory")
    directory: Path = tmp_path_factory.mktemp("access")
    (directory / "entries.json").write_text(json.dumps({"accessEntries": ENTRIES}))
    (directory / "dynamic.json").write_text(dynamic("Always"))
    with fake_sts() as sts:
        config = config_in(
            directory,
            sts,
            **MAPPED,
            backendMode=["AccessEntries", "DynamicFile", "MountedFile"],
            accessEntriesPath=str(directory / "entries.json"),
            dynamicfilepath=str(directory / "dynamic.json"),
            dynamicBackendModePath=str(directory / "modes.json"),
            reservedPrefixConfig=[{"backendMode": "MountedFile", "usernamePrefixReserveList": ["system:"]}],
        )
        with running(directory, config) as server, control_plane(directory, programs, server, sts) as cluster:
            for name, resource in (("pod-readers", "pods"), ("node-readers", "nodes")):
                rule = {"apiGroups": [""], "resources": [resource], "verbs": ["get", "list"]}
                head = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": name}}
                cluster.make(f"{RBAC}/clusterroles", **head, kind="ClusterRole", rules=[rule])
                reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
                subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": name}
                binding = {"kind": "ClusterRoleBinding", "roleRef": reference, "subjects": [subject]}
                cluster.make(f"{RBAC}/clusterrolebindings", **head, **binding)
            for name in ("dev-one", "prod"):
                cluster.make("/api/v1/namespaces", apiVersion="v1", kind="Namespace", metadata={"name": name})
            yield cluster


serial = iter(range(1, 10**6))


def token_of(cluster: Cluster, role: str | None = None, *, user: str | None = None) -> str:
    """Return a new token that STS vouches for as a session of a role, or as a user."""
    caller = f"arn:aws:iam::{ACCOUNT}:user/{user}" if user else f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/ann"
    result = {"Account": ACCOUNT, "Arn": caller, "UserId": f"AIDA{user}" if user else f"AROA{role}:ann"}
    cluster.sts.answer = lambda: (200, {"GetCallerIdentityResponse": {"GetCallerIdentityResult": result}})
    token = mint(serial=next(serial))
    # from here on the authenticator remembers who that is
    cluster.server.review(token)
    return token


def until(true: Callable[[], Any]) -> None:
    """Wait for something that happens soon."""
    for _ in range(300):
        if true():
            return
        time.sleep(0.1)
    raise AssertionError("it did not happen")


def test_a_client_certificate(cluster: Cluster) -> None:
    """E2E-01: whoever has a certificate of the cluster's own needs no webhook."""
    status, _ = cluster.ask("GET", NODES, token=None, cert=cluster.directory / "client.pem")
    assert status == 200


def test_an_administrator(cluster: Cluster) -> None:
    """E2E-02: a role in system:masters may do everything."""
    admin = token_of(cluster, "Admin")
    assert [cluster.may(path, admin) for path in (PODS, NODES, SECRETS, "/openapi/v2")] == [200, 200, 200, 200]


def test_a_role_with_one_right(cluster: Cluster) -> None:
    """E2E-03: RBAC has the last word on the role's group."""
    reader = token_of(cluster, "PodReader")
    assert [cluster.may(path, reader) for path in (PODS, NODES)] == [200, 403]


def test_a_user_with_one_right(cluster: Cluster) -> None:
    """E2E-04: a user is mapped as roles are."""
    reader = token_of(cluster, user="nodes")
    assert [cluster.may(path, reader) for path in (NODES, PODS)] == [200, 403]


def test_a_role_comes_and_goes_in_the_dynamic_file(cluster: Cluster) -> None:
    """E2E-06: added it gets in, taken out it does not, and nothing is restarted."""
    path = cluster.directory / "dynamic.json"
    assert cluster.who(token_of(cluster, "Guest")) is None
    path.write_text(dynamic("Always", "Guest"))
    # API servers remember for seconds that a token was refused, whatever their TTL: each attempt has a new one
    until(lambda: cluster.who(token_of(cluster, "Guest")) == "dynamic:Guest")
    path.write_text(dynamic("Always"))
    until(lambda: cluster.who(token_of(cluster, "Guest")) is None)


def test_backends_change(cluster: Cluster) -> None:
    """E2E-07: a backend that is taken out of the list is asked no more, and again when the list is gone."""
    modes = cluster.directory / "modes.json"
    assert cluster.who(token_of(cluster, "Always")) == "dynamic:Always"
    modes.write_text(json.dumps({"backendMode": "AccessEntries MountedFile"}))
    until(lambda: cluster.who(token_of(cluster, "Always")) is None)
    modes.unlink()
    until(lambda: cluster.who(token_of(cluster, "Always")) == "dynamic:Always")


def test_a_reserved_prefix(cluster: Cluster) -> None:
    """E2E-08: a mapping to a reserved user name lets nobody in."""
    assert cluster.who(token_of(cluster, "Impostor")) is None


def test_a_policy_for_the_cluster(cluster: Cluster) -> None:
    """A viewer without a single RBAC rule lists pods everywhere, sees no secrets and changes nothing."""
    viewer = token_of(cluster, "Viewer")
    assert cluster.who(viewer) == f"arn:aws:sts::{ACCOUNT}:assumed-role/Viewer/ann"
    assert cluster.may(PODS, viewer) == 200
    assert cluster.may("/api/v1/pods", viewer) == 200
    assert cluster.may(SECRETS, viewer) == 403
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}
    assert cluster.ask("POST", "/api/v1/namespaces/default/configmaps", config_map, token=viewer)[0] == 403


def test_a_policy_for_namespaces(cluster: Cluster) -> None:
    """A wildcard of namespaces lets a developer edit in one and look into no other, nor at all of them together."""
    developer = token_of(cluster, "Developer")
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}
    for namespace, status in (("dev-one", 201), ("prod", 403), ("default", 403)):
        path = f"/api/v1/namespaces/{namespace}/configmaps"
        assert cluster.ask("POST", path, config_map, token=developer)[0] == status
    assert cluster.may("/api/v1/configmaps", developer) == 403
    assert cluster.may(NODES, developer) == 403


def test_reasons_reach_who_asks(cluster: Cluster) -> None:
    """A SelfSubjectAccessReview says which policy allowed something, or that none does."""
    viewer = token_of(cluster, "Viewer")
    allowed = cluster.review(viewer, verb="list", resource="pods", namespace="prod")
    assert allowed["allowed"]
    assert allowed["reason"].startswith("EKS Access Policy: allowed by ClusterRoleBinding")
    assert POLICY.format("View") in allowed["reason"]
    refused = cluster.review(viewer, verb="get", resource="secrets", namespace="prod")
    assert not refused["allowed"]
    assert "no associated access policy allows it (AmazonEKSViewPolicy)" in refused["reason"]
    # what RBAC decides is RBAC's reason
    reader = cluster.review(token_of(cluster, "PodReader"), verb="list", resource="pods")
    assert "RBAC: allowed by" in reader["reason"]


@pytest.mark.skipif(find_kubectl() is None, reason="no kubectl here")
def test_kubectl_auth_can_i(cluster: Cluster) -> None:
    """Kubectl answers yes and no with exit codes 0 and 1."""
    developer = token_of(cluster, "Developer")
    code, said = cluster.kubectl(developer, "auth", "can-i", "create", "deployments", "-n", "dev-one")
    assert (code, said.strip()) == (0, "yes")
    code, said = cluster.kubectl(developer, "auth", "can-i", "create", "deployments", "-n", "prod")
    assert (code, said.splitlines()[0].split(" ")[0]) == (1, "no")
    code, said = cluster.kubectl(developer, "get", "pods", "-n", "dev-two")
    assert code == 0, said


def test_impersonation_carries_no_policy(cluster: Cluster) -> None:
    """Policies belong to the principal: neither who impersonates nor who is impersonated takes them along."""
    viewer, boss = token_of(cluster, "Viewer"), token_of(cluster, "Boss")
    assert cluster.may(PODS, viewer) == 200
    assert cluster.may(SECRETS, boss) == 200
    # the boss may impersonate by policy, and is then somebody without one
    assert cluster.may(PODS, boss, as_user=f"arn:aws:sts::{ACCOUNT}:assumed-role/Viewer/ann") == 403
    assert cluster.may(PODS, viewer, as_user="admin") == 403


def test_entries_change_while_api_servers_ask(cluster: Cluster) -> None:
    """A policy that is taken away counts no more, and is back when it is."""
    path, viewer = cluster.directory / "entries.json", token_of(cluster, "Viewer")
    assert cluster.may(PODS, viewer) == 200
    path.write_text(json.dumps({"accessEntries": ENTRIES[1:]}))
    until(lambda: cluster.may(PODS, token_of(cluster, "Viewer")) == 401)
    path.write_text(json.dumps({"accessEntries": ENTRIES}))
    until(lambda: cluster.may(PODS, token_of(cluster, "Viewer")) == 200)


def test_a_restart_of_the_api_server(cluster: Cluster) -> None:
    """E2E-05: the token of before works after it, in authentication and authorization."""
    viewer = token_of(cluster, "Viewer")
    assert cluster.may(PODS, viewer) == 200
    cluster.restart()
    assert cluster.may(PODS, viewer) == 200
    assert cluster.may(SECRETS, viewer) == 403


def test_a_new_certificate_of_the_webhook(cluster: Cluster) -> None:
    """Connections of before go on with it; an API server that starts after it is told the new one to trust."""
    viewer = token_of(cluster, "Viewer")
    assert cluster.may(PODS, viewer) == 200
    kubeconfig = Path(cluster.server.ready["kubeconfig"])
    before = kubeconfig.read_text()
    certificate, key = make_pair(alternative_names(("127.0.0.1", "localhost")), time.time())
    (cluster.directory / "state" / "key.pem").write_bytes(key)
    (cluster.directory / "state" / "cert.pem").write_bytes(certificate)
    until(lambda: kubeconfig.read_text() != before)
    # a token that the API server has not seen: it must ask, over the connection that it has
    assert cluster.who(token_of(cluster, "PodReader")) == "pod-reader"
    authorize = cluster.directory / "authorize.yaml"
    authorize.write_text(kubeconfig.read_text().replace("/authenticate", "/authorize"))
    cluster.restart()
    assert cluster.may(PODS, token_of(cluster, "Viewer")) == 200
    assert cluster.may(SECRETS, viewer) == 403
