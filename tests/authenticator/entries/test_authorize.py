"""What access policies grant, request by request, and to whom."""

from __future__ import annotations

import json

import pytest
from tests.authenticator.mapping.callers import A, identity

from eksauth.authenticator.entries.authorize import authorize
from eksauth.authenticator.entries.policies import policy_table
from eksauth.authenticator.entries.reader import EntryReader
from eksauth.authenticator.entries.table import EntryTable
from eksauth.authenticator.mapping.model import Match, NotMapped, Problems
from eksauth.kube.rbac import Attributes, User
from eksauth.yaml_source.nodes import YamlFile

ROLE = f"arn:aws:iam::{A}:role/team/CICDRole"
CANONICAL = f"arn:aws:iam::{A}:role/CICDRole"
PREFIX = "arn:aws:eks::aws:cluster-access-policy/"


def table(*policies: tuple[str, list[str] | None], **fields: object) -> EntryTable:
    """Return a table with one entry for the role, with these policies and namespaces (None is the cluster)."""
    associations = [
        {
            "policyArn": PREFIX + name,
            "accessScope": {"type": "cluster"} if names is None else {"type": "namespace", "namespaces": names},
        }
        for name, names in policies
    ]
    text = json.dumps({"accessEntries": [{"principalArn": ROLE, "accessPolicies": associations, **fields}]})
    problems = Problems()
    entries = EntryReader(YamlFile(text, "e.yaml"), problems, partition="aws").read_file()
    assert not problems.found
    return EntryTable(entries)


def user(arn: str = CANONICAL, principal_id: str = "AROAEXAMPLE") -> User:
    """Return the user as authentication left it."""
    return User("ci", ("g",), extra={"canonicalArn": (arn,), "principalId": (principal_id,)})


def asks(text: str, namespace: str = "", who: User | None = None) -> Attributes:
    """Return the request that ``text`` stands for: ``list pods``, ``get pods/log``, ``get apps/deployments``, ``get /healthz``."""
    verb, what = text.split(" ")
    if what.startswith("/"):
        return Attributes(who or user(), verb, path=what)
    group, _, rest = what.rpartition(":")
    resource, _, subresource = rest.partition("/")
    return Attributes(who or user(), verb, group, resource, subresource, namespace)


VIEW, EDIT, ADMIN = "AmazonEKSViewPolicy", "AmazonEKSEditPolicy", "AmazonEKSAdminPolicy"
CLUSTER_ADMIN, ADMIN_VIEW = "AmazonEKSClusterAdminPolicy", "AmazonEKSAdminViewPolicy"


@pytest.mark.parametrize(
    "policy, namespaces, request_text, namespace, allowed",
    [
        pytest.param(VIEW, ["dev-*"], "list pods", "dev-1", True, id="vector-24-dev"),
        pytest.param(VIEW, ["dev-*"], "list pods", "prod", False, id="vector-24-prod"),
        pytest.param(VIEW, None, "list nodes", "", False, id="vector-25"),
        pytest.param(CLUSTER_ADMIN, ["a"], "list nodes", "", False, id="vector-26-nodes"),
        pytest.param(CLUSTER_ADMIN, ["a"], "get pods", "a", True, id="vector-26-pods"),
        pytest.param(ADMIN_VIEW, None, "get secrets", "x", True, id="vector-27"),
        pytest.param(VIEW, None, "get secrets", "x", False, id="view-no-secrets"),
        pytest.param(VIEW, None, "get pods/log", "x", True, id="view-logs"),
        pytest.param(VIEW, None, "get pods/exec", "x", False, id="view-no-exec"),
        pytest.param(VIEW, None, "get apps:deployments/scale", "x", True, id="view-scale"),
        pytest.param(VIEW, None, "create pods", "x", False, id="view-no-write"),
        pytest.param(VIEW, None, "get metrics.k8s.io:pods", "x", False, id="view-no-metrics"),
        pytest.param(EDIT, None, "create pods/exec", "x", True, id="edit-exec"),
        pytest.param(EDIT, None, "list pods", "x", True, id="edit-includes-view"),
        pytest.param(EDIT, None, "impersonate serviceaccounts", "x", True, id="edit-impersonate"),
        pytest.param(EDIT, None, "create rbac.authorization.k8s.io:rolebindings", "x", False, id="edit-no-rbac"),
        pytest.param(ADMIN, None, "create rbac.authorization.k8s.io:rolebindings", "x", True, id="admin-rbac"),
        pytest.param(ADMIN, None, "bind rbac.authorization.k8s.io:roles", "x", False, id="admin-no-bind"),
        pytest.param(ADMIN, None, "list example.com:widgets", "x", False, id="admin-no-custom-resources"),
        pytest.param(ADMIN, None, "create authorization.k8s.io:localsubjectaccessreviews", "x", True, id="admin-review"),
        pytest.param(CLUSTER_ADMIN, None, "get /metrics", "", True, id="cluster-admin-paths"),
        pytest.param(CLUSTER_ADMIN, ["*"], "get /metrics", "", False, id="namespaced-admin-no-paths"),
        pytest.param(ADMIN_VIEW, None, "get /metrics", "", False, id="admin-view-no-paths"),
        pytest.param(CLUSTER_ADMIN, ["*-prod"], "delete pods", "shop-prod", True, id="wildcard-start"),
        pytest.param(CLUSTER_ADMIN, ["*-prod"], "delete pods", "prod", False, id="wildcard-anchored"),
        pytest.param("AmazonEKSSecretReaderPolicy", None, "list secrets", "x", True, id="secret-reader"),
        pytest.param("AmazonEKSSecretReaderPolicy", None, "delete secrets", "x", False, id="secret-reader-no-write"),
        pytest.param("AmazonEKSSecretAdminPolicy", None, "delete secrets", "x", True, id="secret-admin"),
    ],
)  # fmt: skip
def test_policies_grant_what_they_say(
    policy: str, namespaces: list[str] | None, request_text: str, namespace: str, allowed: bool
) -> None:
    """A policy grants its rules within its scope and has no opinion on anything else."""
    assert authorize(table((policy, namespaces)), asks(request_text, namespace)).allowed is allowed


def test_policies_add_up() -> None:
    """Several policies of one entry are a union, each within its own scope."""
    entries = table((VIEW, None), (EDIT, ["dev"]))
    assert authorize(entries, asks("list pods", "prod")).allowed
    assert authorize(entries, asks("create pods", "dev")).allowed
    assert not authorize(entries, asks("create pods", "prod")).allowed


def test_the_reason_names_principal_policy_and_scope() -> None:
    """An allowed request says which association allowed it, in the form that EKS writes into the audit log."""
    arn = PREFIX + VIEW
    assert authorize(table((VIEW, None)), asks("list pods", "x")).reason == (
        f'EKS Access Policy: allowed by ClusterRoleBinding "{ROLE}+{arn}" of ClusterRole "{arn}" to User "AROAEXAMPLE"'
    )
    assert f'RoleBinding "{ROLE}+{arn}/dev-1"' in authorize(table((VIEW, ["dev-*"])), asks("list pods", "dev-1")).reason


@pytest.mark.parametrize(
    "who, reason",
    [
        pytest.param(User("ci", ("g",)), "not authenticated through IAM", id="impersonated"),
        pytest.param(user(f"arn:aws:iam::{A}:role/Other"), "no access entry", id="other-principal"),
        pytest.param(User("x", extra={"canonicalArn": (CANONICAL, "y")}), "not authenticated", id="two-values"),
    ],
)
def test_whoever_is_not_the_principal_gets_no_opinion(who: User, reason: str) -> None:
    """The grant follows the principal, not the user name or the groups."""
    opinion = authorize(table((CLUSTER_ADMIN, None)), asks("list pods", "x", who))
    assert not opinion.allowed
    assert reason in opinion.reason


def test_a_principal_that_was_made_again_is_another_one() -> None:
    """An entry that knows the unique id neither admits nor authorizes a new principal of the same name."""
    entries = table((CLUSTER_ADMIN, None), principalId="AROAOLD")
    assert not authorize(entries, asks("list pods", "x")).allowed
    answer = entries.lookup(identity())
    assert isinstance(answer, NotMapped)
    assert [miss.why for miss in answer.near_misses] == ["recreated"]
    assert isinstance(table(principalId="AROAEXAMPLE").lookup(identity()), Match)


def test_the_path_of_a_role_does_not_matter_to_sts() -> None:
    """Vector 21: the entry has the full path, the caller's ARN none."""
    match = table().lookup(identity())
    assert isinstance(match, Match)
    assert (match.kind, match.username) == ("entry", f"arn:aws:sts::{A}:assumed-role/CICDRole/{{{{SessionName}}}}")


@pytest.mark.parametrize(
    "arn, why",
    [
        (f"arn:aws:sts::{A[::-1]}:assumed-role/CICDRole/s", "account"),
        (f"arn:aws:iam::{A}:user/CICDRole", "kind"),
    ],
)
def test_near_misses(arn: str, why: str) -> None:
    """An entry of the same name in another account or of another kind is named as what may have been meant."""
    answer = table().lookup(identity(arn))
    assert isinstance(answer, NotMapped)
    assert [miss.why for miss in answer.near_misses] == [why]


def test_the_later_of_two_entries_counts_and_is_reported() -> None:
    """One principal has one entry; a file with two says which one wins."""
    text = json.dumps(
        {"accessEntries": [{"principalArn": ROLE, "username": "a"}, {"principalArn": CANONICAL, "username": "b"}]}
    )
    entries = EntryTable(EntryReader(YamlFile(text, "e.yaml"), Problems(), partition="aws").read_file())
    match = entries.lookup(identity())
    assert isinstance(match, Match)
    assert match.username == "b"
    assert [problem.code for problem in entries.problems] == ["entries.duplicate"]


def test_the_table_knows_every_policy_once() -> None:
    """The data has a version, each name once, and rules for all seven general policies."""
    known = policy_table()
    assert known.version
    with_rules = {name for name, policy in known.policies.items() if policy.rules is not None}
    assert with_rules == {
        VIEW,
        EDIT,
        ADMIN,
        CLUSTER_ADMIN,
        ADMIN_VIEW,
        "AmazonEKSSecretAdminPolicy",
        "AmazonEKSSecretReaderPolicy",
    }
    assert {policy.audience for policy in known.policies.values()} == {"people", "services", "service-linked roles"}
