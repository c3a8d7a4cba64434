"""The AccessEntries backend on custom resources; and its schema, judged by the reader that decides."""

from __future__ import annotations

import json
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from tests.authenticator.backends.clusters import ENTRIES, Cluster
from tests.authenticator.backends.watchers import Heard, become, started, until
from tests.authenticator.mapping.callers import A, identity

from eksauth.authenticator.backends.cluster.backoff import Backoff
from eksauth.authenticator.backends.cluster.entry_crd import AccessEntries, access_entry_backend
from eksauth.authenticator.backends.cluster.kube_backend import KubeBackend
from eksauth.authenticator.backends.cluster.leader import Term
from eksauth.authenticator.entries.authorize import authorize
from eksauth.authenticator.entries.reader import EntryReader
from eksauth.authenticator.entries.table import EntryTable
from eksauth.authenticator.mapping.model import Match, Problems
from eksauth.kube.rbac import Attributes, User
from eksauth.yaml_source.nodes import YamlFile

ROLE = f"arn:aws:iam::{A}:role/team/CICDRole"
VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
EVERYWHERE = [{"policyArn": VIEW, "accessScope": {"type": "cluster"}}]


def watching(cluster: Cluster, heard: Heard | None = None) -> AbstractAsyncContextManager[KubeBackend[EntryTable]]:
    """Run a backend that tries again quickly."""
    return started(
        access_entry_backend(
            cluster.where(),
            partition="aws",
            ears=(heard or Heard()).ears(),
            backoff=Backoff(0.1, 0.5),
            term=Term(lasts=3.0, renewed_every=0.3),
        )
    )


def status(cluster: Cluster, name: str) -> Any:
    """Return the status of an entry."""
    return cluster.ask("GET", f"{ENTRIES}/{name}")[1].get("status")


def item(name: str, made: str = "2026-01-01T00:00:00Z", **spec: Any) -> dict[str, Any]:
    """Return an object as the API gives it."""
    metadata = {"name": name, "uid": name, "resourceVersion": "1", "creationTimestamp": made, "generation": 3}
    return {"metadata": metadata, "spec": spec}


def may_list_pods(table: EntryTable, namespace: str) -> bool:
    """Tell whether the role may list pods by an access policy."""
    user = User("x", extra={"canonicalarn": (f"arn:aws:iam::{A}:role/CICDRole",)})
    return authorize(table, Attributes(user, "list", resource="pods", namespace=namespace)).allowed


@pytest.mark.peer
@pytest.mark.slow
async def test_entries_let_in_and_grant(custom: Cluster) -> None:
    """An entry counts for authentication and authorization as soon as it is made, changed or deleted."""
    async with watching(custom) as backend:
        custom.enter("ci", principalArn=ROLE, username="ci", kubernetesGroups=["deployers"])
        await until(lambda: become(backend) == "ci")
        assert not may_list_pods(backend.table, "dev")
        scope = {"type": "namespace", "namespaces": ["dev-*"]}
        custom.enter("ci", principalArn=ROLE, accessPolicies=[{"policyArn": VIEW, "accessScope": scope}])
        await until(lambda: may_list_pods(backend.table, "dev-1"))
        assert become(backend) == f"arn:aws:sts::{A}:assumed-role/CICDRole/{{{{SessionName}}}}"
        assert not may_list_pods(backend.table, "prod")
        await until(lambda: status(custom, "ci") == {"accepted": True, "observedGeneration": 2})


@pytest.mark.peer
@pytest.mark.slow
async def test_status_says_why_not(custom: Cluster) -> None:
    """An entry that the schema lets through and EKS would not is not accepted, with the reason and an event."""
    custom.enter("good", principalArn=ROLE, username="ci")
    custom.enter("zzz", principalArn=ROLE, username="again")
    custom.enter("china", principalArn=ROLE.replace(":aws:", ":aws-cn:"))
    unknown = [{"policyArn": f"{VIEW}x", "accessScope": {"type": "cluster"}}]
    custom.enter("typo", principalArn=f"{ROLE}2", accessPolicies=unknown)
    async with watching(custom) as backend:
        assert become(backend) == "ci"
        await until(lambda: all(status(custom, name) for name in ("good", "zzz", "china", "typo")))
        assert status(custom, "good")["accepted"] is True
        assert status(custom, "zzz") == {
            "accepted": False,
            "reason": f"{ROLE} has an older entry, good; this one counts for nothing",
            "observedGeneration": 1,
        }
        assert "partition" in status(custom, "china")["reason"]
        assert "did you mean AmazonEKSViewPolicy" in status(custom, "typo")["reason"]
        await until(lambda: len(custom.events("default")) == 4)
    kinds = {event["involvedObject"]["name"]: event["reason"] for event in custom.events("default")}
    assert kinds == {"good": "Synced", "zzz": "NotUsable", "china": "NotUsable", "typo": "NotUsable"}
    assert {problem.source.file for problem in backend.status().problems} == {
        "accessentries/zzz",
        "accessentries/china",
        "accessentries/typo",
    }


NODE = {"principalArn": ROLE, "type": "EC2_LINUX"}
SPECS = [
    pytest.param({"principalArn": ROLE}, id="role"),
    pytest.param({"principalArn": f"arn:aws:iam::{A}:user/dev/bob"}, id="user"),
    pytest.param({"principalArn": ROLE.replace(":aws:", ":aws-us-gov:")}, id="gov"),
    pytest.param({}, id="nothing"),
    pytest.param({"principalArn": ""}, id="empty-arn"),
    pytest.param({"principalArn": "CICDRole"}, id="no-arn"),
    pytest.param({"principalArn": f"arn:aws:sts::{A}:assumed-role/CICDRole/x"}, id="session"),
    pytest.param({"principalArn": f"arn:aws:iam::{A}:root"}, id="root"),
    pytest.param({"principalArn": f"arn:aws:iam::{A}:group/g"}, id="group"),
    pytest.param({"principalArn": f"arn:aws:iam::{A}:instance-profile/p"}, id="instance-profile"),
    pytest.param({"principalArn": "arn:aws:iam::1234:role/x"}, id="short-account"),
    pytest.param({"principalArn": f"arn:aws:iam::{A}:role/"}, id="no-name"),
    pytest.param({"principalArn": f"arn:aws:iam::{A}:role/a b"}, id="blank-in-arn"),
    pytest.param({"principalArn": f"arn:aws:iam::{A}:role/*"}, id="wildcard"),
    pytest.param({"principalArn": f"arn:aws:iam::{A}:role/aws-service-role/x/y"}, id="service-linked"),
    pytest.param({"principalArn": ROLE, "type": "STANDARD"}, id="standard"),
    pytest.param({"principalArn": ROLE, "type": "standard"}, id="type-in-another-case"),
    pytest.param({"principalArn": ROLE, "type": "HYPERPOD_LINUX"}, id="hyperpod"),
    pytest.param(NODE, id="node"),
    pytest.param({**NODE, "principalArn": f"arn:aws:iam::{A}:user/x"}, id="node-user"),
    pytest.param({**NODE, "username": "me"}, id="node-username"),
    pytest.param({**NODE, "username": "system:node:{{EC2PrivateDNSName}}"}, id="node-username-as-described"),
    pytest.param({**NODE, "type": "FARGATE_LINUX", "username": "system:node:{{EC2PrivateDNSName}}"}, id="fargate-username"),
    pytest.param({**NODE, "type": "FARGATE_LINUX", "username": "system:node:{{SessionName}}"}, id="fargate-as-described"),
    pytest.param({**NODE, "type": "HYBRID_LINUX", "username": "system:node:{{SessionName}}"}, id="hybrid-as-described"),
    pytest.param({**NODE, "kubernetesGroups": ["x"]}, id="node-groups"),
    pytest.param({**NODE, "kubernetesGroups": ["system:nodes"]}, id="node-groups-as-described"),
    pytest.param({**NODE, "kubernetesGroups": ["eks:kube-proxy-windows"]}, id="windows-groups-on-linux"),
    pytest.param({**NODE, "type": "EC2_WINDOWS", "kubernetesGroups": ["eks:kube-proxy-windows"]}, id="windows-groups"),
    pytest.param({**NODE, "type": "FARGATE_LINUX", "kubernetesGroups": ["system:node-proxier"]}, id="fargate-groups"),
    pytest.param({**NODE, "accessPolicies": EVERYWHERE}, id="node-policy"),
    pytest.param({**NODE, "type": "EC2", "accessPolicies": EVERYWHERE}, id="auto-mode-policy"),
    pytest.param({"principalArn": ROLE, "username": "ann"}, id="username"),
    *(
        pytest.param({"principalArn": ROLE, "username": f"{prefix}x"}, id=f"username-{prefix}")
        for prefix in ("system:", "eks:", "aws:", "amazon:", "iam:", "sts:", "System:")
    ),
    pytest.param({"principalArn": ROLE, "username": "{{SessionName}}"}, id="spoofable"),
    pytest.param({"principalArn": ROLE, "username": "x-{{SessionNameRaw}}"}, id="spoofable-raw"),
    pytest.param({"principalArn": ROLE, "username": "{{SessionName}}:x"}, id="spoofable-colon-behind"),
    pytest.param({"principalArn": ROLE, "username": "team:{{SessionName}}"}, id="session-behind-colon"),
    pytest.param({"principalArn": ROLE, "username": "a:{{SessionName}}{{SessionNameRaw}}"}, id="two-sessions"),
    pytest.param({"principalArn": ROLE, "kubernetesGroups": ["a", "b"]}, id="groups"),
    pytest.param({"principalArn": ROLE, "kubernetesGroups": ["system:masters"]}, id="masters"),
    pytest.param({"principalArn": ROLE, "kubernetesGroups": [""]}, id="empty-group"),
    pytest.param({"principalArn": ROLE, "kubernetesGroups": [" a"]}, id="group-with-blank"),
    pytest.param({"principalArn": ROLE, "kubernetesGroups": "a"}, id="groups-as-text"),
    pytest.param({"principalArn": ROLE, "principalId": "AROAEXAMPLE"}, id="role-id"),
    pytest.param({"principalArn": ROLE, "principalId": "ASIAEXAMPLE"}, id="key-for-id"),
    pytest.param({"principalArn": ROLE, "principalId": ""}, id="empty-id"),
    pytest.param({"principalArn": ROLE, "accessPolicies": EVERYWHERE}, id="policy"),
    pytest.param(
        {"principalArn": ROLE, "accessPolicies": [{"policyArn": "arn:aws:iam::aws:policy/AdministratorAccess", "accessScope": {"type": "cluster"}}]}, id="iam-policy"
    ),
    pytest.param(
        {"principalArn": ROLE, "accessPolicies": [{"policyArn": VIEW.replace("aws:eks", "aws-cn:eks"), "accessScope": {"type": "cluster"}}]}, id="policy-partition"
    ),
    pytest.param({"principalArn": ROLE, "accessPolicies": [{"policyArn": VIEW}]}, id="no-scope"),
    pytest.param({"principalArn": ROLE, "accessPolicies": [{"accessScope": {"type": "cluster"}}]}, id="no-policy"),
    *(
        pytest.param({"principalArn": ROLE, "accessPolicies": [{"policyArn": VIEW, "accessScope": scope}]}, id=name)
        for name, scope in {
            "scope-of-nothing": {},
            "scope-in-another-case": {"type": "Cluster"},
            "cluster-with-namespaces": {"type": "cluster", "namespaces": ["a"]},
            "cluster-with-no-namespaces": {"type": "cluster", "namespaces": []},
            "namespace-without": {"type": "namespace"},
            "namespace-empty": {"type": "namespace", "namespaces": []},
            "namespaces": {"type": "namespace", "namespaces": ["a", "b-*", "*"]},
            "namespace-in-capitals": {"type": "namespace", "namespaces": ["Dev"]},
            "namespace-with-dot": {"type": "namespace", "namespaces": ["a.b"]},
            "namespace-of-dashes": {"type": "namespace", "namespaces": ["---"]},
            "namespace-too-long": {"type": "namespace", "namespaces": ["a" * 64]},
            "namespace-blank": {"type": "namespace", "namespaces": [""]},
        }.items()
    ),
]  # fmt: skip


@pytest.mark.peer
@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS)
def test_the_schema_agrees_with_the_reader(custom: Cluster, spec: dict[str, Any]) -> None:
    """Whatever the API server lets in the reader accepts, and the other way round."""
    head = {"apiVersion": "access.eksauth.dev/v1alpha1", "kind": "AccessEntry", "metadata": {"name": "x"}}
    code, answer = custom.ask("POST", f"{ENTRIES}?dryRun=All", {**head, "spec": spec})
    assert code in {201, 422}, answer
    partition = str(spec.get("principalArn", "")).split(":")[1:2] or ["aws"]
    problems = Problems()
    file = YamlFile(json.dumps(spec), "spec")
    assert file.root is not None
    entry = EntryReader(file, problems, partition=partition[0]).entry(file.root)
    assert (code == 201) == (entry is not None), (answer.get("message"), [str(found) for found in problems.found])


@pytest.mark.peer
@pytest.mark.slow
def test_a_principal_cannot_be_changed(custom: Cluster) -> None:
    """As in EKS the principal and the type of an entry are for ever."""
    custom.enter("ci", principalArn=ROLE)
    for spec in ({"principalArn": f"{ROLE}2"}, {"type": "EC2_LINUX"}):
        code, answer = custom.ask("PATCH", f"{ENTRIES}/ci", {"spec": spec})
        assert code == 422
        assert "cannot be changed" in answer["message"]


@pytest.mark.parametrize(
    "items, winner",
    [
        pytest.param(
            [item("b", principalArn=ROLE), item("a", "2027-01-01T00:00:00Z", principalArn=ROLE)], "b", id="oldest"
        ),
        pytest.param([item("b", principalArn=ROLE), item("a", principalArn=ROLE)], "a", id="then-by-name"),
        pytest.param(
            [
                item("b", principalArn=ROLE),
                item("a", "2027-01-01T00:00:00Z", principalArn=f"arn:aws:iam::{A}:role/other/CICDRole"),
            ],
            "b",
            id="same-name-under-another-path",
        ),
    ],
)
def test_of_several_the_oldest_counts(items: list[dict[str, Any]], winner: str) -> None:
    """One entry counts for a principal, the oldest, whatever the order the API lists them in."""
    for order in (items, items[::-1]):
        reader = AccessEntries("aws")
        content = reader.read(tuple(order))
        answer = content.table.lookup(identity())
        assert isinstance(answer, Match)
        assert answer.source.file == f"accessentries/{winner}"
        verdicts = {name: verdict.status["accepted"] for name, verdict in reader.verdicts.items()}
        assert verdicts == {"a": winner == "a", "b": winner == "b"}


@pytest.mark.parametrize("spec", [None, [], "text", 5, {"principalArn": {"a": 1}}, {"username": "\ud83d\ude00\x00"}])
def test_a_spec_that_no_schema_has_judged(spec: object) -> None:
    """Whatever stands there is skipped and reported, and the other entries count."""
    broken = item("bad")
    broken["spec"] = spec
    reader = AccessEntries("aws")
    content = reader.read((broken, item("good", principalArn=ROLE)))
    assert content.entries == 1
    assert reader.verdicts["bad"].status["accepted"] is False
    assert {problem.source.file for problem in content.problems} == {"accessentries/bad"}
