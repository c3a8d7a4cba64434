"""The custom resource definitions in a real API server: what it takes, what it refuses, and how it says so."""

from __future__ import annotations

from typing import Any

import pytest
from tests.deploy.chart import CHART, DEPLOY, crds
from tests.deploy.cluster import Cluster, as_text

from eksauth.authenticator.entries.policies import policy_table
from eksauth.authenticator.entries.types import TYPES

ROLE = "arn:aws:iam::111122223333:role/team/Developer"
VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
CLUSTER = {"type": "cluster"}


def entry(**spec: Any) -> dict[str, Any]:
    """Return an access entry, of a role unless told otherwise."""
    return {
        "apiVersion": "access.eksauth.dev/v1alpha1",
        "kind": "AccessEntry",
        "metadata": {"name": "judged"},
        "spec": {"principalArn": ROLE} | spec,
    }


def policy(arn: str = VIEW, **scope: Any) -> dict[str, Any]:
    """Return an association."""
    return {"policyArn": arn, "accessScope": scope or CLUSTER}


def mapping(arn: str = "arn:aws:iam::111122223333:role/Admin", **spec: Any) -> dict[str, Any]:
    """Return a mapping."""
    return {
        "apiVersion": "iamauthenticator.k8s.aws/v1alpha1",
        "kind": "IAMIdentityMapping",
        "metadata": {"name": "judged"},
        "spec": {"arn": arn, "username": "admin", "groups": ["system:masters"]} | spec,
    }


GOOD = {
    "entry of a role with its path": entry(),
    "entry of a user": entry(principalArn="arn:aws:iam::111122223333:user/alice", username="alice"),
    "entry of another partition": entry(
        principalArn="arn:aws-us-gov:iam::111122223333:role/A",
        accessPolicies=[policy("arn:aws-us-gov:eks::aws:cluster-access-policy/AmazonEKSViewPolicy")],
    ),
    "entry of a permission set's role": entry(
        principalArn="arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/eu-west-1/"
        "AWSReservedSSO_View_0123456789abcdef"
    ),
    "entry with groups and a template": entry(username="team:{{SessionName}}", kubernetesGroups=["developers"]),
    "entry with scopes": entry(
        accessPolicies=[
            policy(),
            policy(
                "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy", type="namespace", namespaces=["team-*"]
            ),
        ]
    ),
    "entry with a unique id": entry(principalId="AROAEXAMPLE"),
    "entry of nodes as EKS prints it": entry(
        type="EC2_LINUX",
        username="system:node:{{EC2PrivateDNSName}}",
        kubernetesGroups=["system:bootstrappers", "system:nodes"],
    ),
    **{f"entry of type {kind}": entry(type=kind) for kind in TYPES},
    "mapping of a role": mapping(),
    "mapping of a user with a path": mapping("arn:aws:iam::111122223333:user/team/alice"),
    "mapping of a session": mapping("arn:aws:sts::111122223333:assumed-role/Admin/ann"),
    "mapping in another case": mapping("arn:aws:iam::111122223333:ROLE/Admin"),
    "mapping without groups": mapping(groups=[]),
    "mapping of root": mapping("arn:aws:iam::111122223333:root"),
}
BAD = {
    "entry without principal": (entry(principalArn=None), "principalArn"),
    "entry of a session": (
        entry(principalArn="arn:aws:sts::111122223333:assumed-role/A/s"),
        "must be the ARN of a role",
    ),
    "entry with a wildcard": (entry(principalArn="arn:aws:iam::111122223333:role/*"), "must be the ARN of a role"),
    "entry of a group": (entry(principalArn="arn:aws:iam::111122223333:group/a"), "must be the ARN of a role"),
    "entry of a short account": (entry(principalArn="arn:aws:iam::1111:role/a"), "must be the ARN of a role"),
    "entry of a service-linked role": (
        entry(principalArn="arn:aws:iam::111122223333:role/aws-service-role/eks.amazonaws.com/A"),
        "service-linked role",
    ),
    "entry of an unknown type": (entry(type="EC2_MAC"), "EC2_MAC"),
    "entry of nodes that is a user": (
        entry(principalArn="arn:aws:iam::111122223333:user/a", type="EC2_LINUX"),
        "must be roles",
    ),
    "entry of nodes with a user name": (entry(type="EC2_LINUX", username="a"), "cannot be set"),
    "entry of nodes with groups": (entry(type="EC2_LINUX", kubernetesGroups=["system:masters"]), "cannot be set"),
    "entry of nodes with a policy": (entry(type="EC2_LINUX", accessPolicies=[policy()]), "STANDARD and EC2 only"),
    "entry for system:masters": (entry(kubernetesGroups=["system:masters"]), "a group may not begin with"),
    "entry with a reserved user name": (entry(username="eks:admin"), "a user name may not begin with"),
    "entry whose session names the user": (entry(username="{{SessionName}}"), "must stand before {{SessionName}}"),
    "entry whose raw session names the user": (entry(username="a-{{SessionNameRaw}}"), "must stand before"),
    "entry with an empty group": (entry(kubernetesGroups=[""]), "kubernetesGroups"),
    "entry with a unique id that is none": (entry(principalId="111122223333"), "unique id"),
    "entry with an IAM policy": (
        entry(accessPolicies=[policy("arn:aws:iam::aws:policy/AdministratorAccess")]),
        "IAM policies are none",
    ),
    "entry with a policy of another partition": (
        entry(accessPolicies=[policy("arn:aws-cn:eks::aws:cluster-access-policy/AmazonEKSViewPolicy")]),
        "partition",
    ),
    "entry with a policy twice": (entry(accessPolicies=[policy(), policy()]), "Duplicate value"),
    "entry with a scope of nothing": (entry(accessPolicies=[policy(type="namespace")]), "needs namespaces"),
    "entry with a cluster scope and namespaces": (
        entry(accessPolicies=[policy(type="cluster", namespaces=["a"])]),
        "has no namespaces",
    ),
    "entry with a namespace that is none": (
        entry(accessPolicies=[policy(type="namespace", namespaces=["A_B"])]),
        "namespaces",
    ),
    "entry with an unknown key": (entry(groups=["a"]), "groups"),
    "mapping without user name": (mapping(username=""), "username"),
    "mapping with blanks in the user name": (mapping(username=" a"), "blanks"),
    "mapping of no ARN": (mapping("Admin"), "must be the ARN"),
    "mapping of a role with its path": (mapping("arn:aws:iam::111122223333:role/team/A"), "leave the path"),
    "mapping with a wildcard": (mapping("arn:aws:iam::111122223333:role/*"), "wildcards"),
    "mapping of an instance profile": (mapping("arn:aws:iam::111122223333:instance-profile/A"), "must be the ARN"),
    "mapping with a group that is no text": (mapping(groups=[5]), "groups"),
}


@pytest.fixture(scope="module", name="judge")
def judge_(cluster: Cluster) -> Cluster:
    """Install the definitions."""
    cluster.apply(crds())
    cluster.established()
    return cluster


def ask(cluster: Cluster, document: dict[str, Any]) -> tuple[int, str]:
    """Ask whether the API server would create an object."""
    done = cluster.run("create", "--dry-run=server", "--validate=strict", "-f", "-", stdin=as_text([document]))
    return done.returncode, done.stderr


@pytest.mark.peer
@pytest.mark.parametrize("document", GOOD.values(), ids=GOOD.keys())
def test_good_objects_are_taken(judge: Cluster, document: dict[str, Any]) -> None:
    """What the server can use passes schema and rules."""
    assert ask(judge, document) == (0, "")


@pytest.mark.peer
@pytest.mark.parametrize("document, why", BAD.values(), ids=BAD.keys())
def test_bad_objects_are_refused_with_a_reason(judge: Cluster, document: dict[str, Any], why: str) -> None:
    """What would lock people out, or let in whom it should not, is refused when it is written."""
    code, message = ask(judge, document)
    assert code != 0
    assert why in message


@pytest.mark.peer
def test_the_principal_of_an_entry_cannot_change(judge: Cluster) -> None:
    """As in EKS: another principal or type is another entry."""
    judge.apply([entry()])
    try:
        for change in (entry(principalArn=f"{ROLE}2"), entry(type="EC2_LINUX")):
            done = judge.run("apply", "--server-side", "-f", "-", stdin=as_text([change]))
            assert done.returncode != 0
            assert "cannot be changed" in done.stderr
    finally:
        judge.delete([entry()])


@pytest.mark.peer
def test_whoever_may_write_entries_may_not_write_status(judge: Cluster) -> None:
    """Status is a subresource: what stands there in an object that is created does not stay."""
    forged = mapping() | {"status": {"canonicalARN": "arn:aws:iam::111122223333:role/other"}}
    judge.apply([forged])
    try:
        done = judge.run("get", "iamidentitymapping", "judged", "-o", "jsonpath={.status}")
        assert (done.returncode, done.stdout) == (0, "")
    finally:
        judge.delete([forged])


def test_types_are_those_that_the_server_knows() -> None:
    """The definition offers what the backend reads, no more and no less."""
    [definition] = [crd for crd in crds() if crd["spec"]["names"]["kind"] == "AccessEntry"]
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    assert set(schema["properties"]["type"]["enum"]) == set(TYPES)
    assert policy_table().find(VIEW).name == "AmazonEKSViewPolicy"


def test_the_chart_has_the_same_definitions() -> None:
    """The chart can only read files of its own, so it has copies."""
    ours = {path.name: path.read_text() for path in (DEPLOY / "crds").glob("*.yaml")}
    assert {path.name: path.read_text() for path in (CHART / "files" / "crds").glob("*.yaml")} == ours
    assert len(ours) == 2
