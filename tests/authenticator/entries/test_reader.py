"""Access entries as files have them: what loads, what is skipped, and what the reader says about it."""

from __future__ import annotations

import json

import pytest

from eksauth.authenticator.entries.model import AccessEntry
from eksauth.authenticator.entries.reader import EntryReader
from eksauth.authenticator.mapping.model import Problems
from eksauth.errors import ConfigError
from eksauth.yaml_source.nodes import YamlFile

A = "111122223333"
ROLE = f"arn:aws:iam::{A}:role/CICDRole"
VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"


def read(text: str, partition: str = "aws") -> tuple[tuple[AccessEntry, ...], list[str]]:
    """Return the entries of a file, and the problems as text."""
    problems = Problems()
    entries = EntryReader(YamlFile(text, "entries.yaml"), problems, partition=partition).read_file()
    return entries, [f"{problem.code} {problem}" for problem in problems.found]


def one(**fields: object) -> AccessEntry:
    """Return a single entry that must load without a word."""
    entries, problems = read(json.dumps({"accessEntries": [{"principalArn": ROLE, **fields}]}))
    assert problems == []
    return entries[0]


@pytest.mark.parametrize(
    "principal, lookup, username",
    [
        pytest.param(ROLE, ROLE.lower(), f"arn:aws:sts::{A}:assumed-role/CICDRole/{{{{SessionName}}}}", id="role"),
        pytest.param(
            f"arn:aws:iam::{A}:role/team/x/CICDRole",
            ROLE.lower(),
            f"arn:aws:sts::{A}:assumed-role/CICDRole/{{{{SessionName}}}}",
            id="role-with-path",
        ),
        pytest.param(f"arn:aws:iam::{A}:user/team/alice", f"arn:aws:iam::{A}:user/team/alice", f"arn:aws:iam::{A}:user/team/alice", id="user-keeps-its-path"),
    ],
)  # fmt: skip
def test_a_standard_entry_names_users_after_their_principal(principal: str, lookup: str, username: str) -> None:
    """Roles are known without their path, users with it; the user name is the session's or the user's ARN."""
    entry = one(principalArn=principal)
    assert (entry.lookup_arn, entry.username, entry.groups, entry.type) == (lookup, username, (), "STANDARD")


@pytest.mark.parametrize(
    "kind, username, groups",
    [
        ("EC2_LINUX", "system:node:{{EC2PrivateDNSName}}", ("system:bootstrappers", "system:nodes")),
        ("EC2_WINDOWS", "system:node:{{EC2PrivateDNSName}}", ("system:bootstrappers", "system:nodes", "eks:kube-proxy-windows")),
        ("FARGATE_LINUX", "system:node:{{SessionName}}", ("system:bootstrappers", "system:nodes", "system:node-proxier")),
        ("HYBRID_LINUX", "system:node:{{SessionName}}", ("system:bootstrappers", "system:nodes")),
        ("EC2", "system:node:{{EC2PrivateDNSName}}", ("system:bootstrappers", "system:nodes")),
    ],
)  # fmt: skip
def test_node_types_bring_their_names_and_groups(kind: str, username: str, groups: tuple[str, ...]) -> None:
    """What EKS sets on a node entry is set here; what it prints about one may be written again."""
    for fields in ({}, {"username": username, "kubernetesGroups": list(groups[:1])}):
        entry = one(type=kind, **fields)
        assert (entry.username, entry.groups) == (username, groups)


def test_what_the_api_prints_loads_unchanged() -> None:
    """The answers of DescribeAccessEntry and ListAssociatedAccessPolicies, put together, are an entry."""
    entry = one(
        clusterName="demo",
        kubernetesGroups=["viewers"],
        accessEntryArn=f"arn:aws:eks:eu-west-1:{A}:access-entry/demo/role/{A}/CICDRole/0a",
        createdAt=1700000000.0,
        modifiedAt=1700000000.0,
        tags={},
        username="ci:{{SessionName}}",
        type="STANDARD",
        associatedAccessPolicies=[
            {"policyArn": VIEW, "accessScope": {"type": "namespace", "namespaces": ["dev-*"]}, "associatedAt": 1.0}
        ],
    )
    assert (entry.username, entry.groups) == ("ci:{{SessionName}}", ("viewers",))
    assert [(item.policy.name, item.scope.namespaces) for item in entry.associations] == [
        ("AmazonEKSViewPolicy", ("dev-*",))
    ]


@pytest.mark.parametrize(
    "fields, message",
    [
        pytest.param({"principalArn": "CICDRole"}, "is not an ARN", id="no-arn"),
        pytest.param({"principalArn": f"arn:aws:sts::{A}:assumed-role/CICDRole/s"}, "is a session, not a role", id="session"),
        pytest.param({"principalArn": f"arn:aws:iam::{A}:root"}, "neither a role nor a user", id="root"),
        pytest.param({"principalArn": f"arn:aws:iam::{A}:group/x"}, "neither a role nor a user", id="group"),
        pytest.param({"principalArn": f"arn:aws:iam::{A}:instance-profile/x"}, "neither a role nor a user", id="instance-profile"),
        pytest.param({"principalArn": "arn:aws:iam::1234:role/x"}, "not 12 digits", id="account"),
        pytest.param({"principalArn": f"arn:aws:iam::{A}:role/*"}, "letters that no ARN", id="wildcard"),
        pytest.param({"principalArn": f"arn:aws-cn:iam::{A}:role/x"}, "of partition aws-cn", id="partition"),
        pytest.param({"principalArn": f"arn:aws:iam::{A}:role/aws-service-role/eks.amazonaws.com/X"}, "service-linked role", id="service-linked"),
        pytest.param({"type": "STANDART"}, "type 'STANDART' is not known", id="type"),
        pytest.param({"type": "HYPERPOD_LINUX"}, "is not known here", id="hyperpod"),
        pytest.param({"type": "EC2_LINUX", "principalArn": f"arn:aws:iam::{A}:user/x"}, "must be a role", id="node-user"),
        pytest.param({"type": "EC2_LINUX", "username": "me"}, "cannot be set", id="node-username"),
        pytest.param({"type": "EC2_LINUX", "kubernetesGroups": ["g"]}, "groups cannot be set", id="node-groups"),
        pytest.param({"type": "EC2_LINUX", "accessPolicies": [{"policyArn": VIEW, "accessScope": {"type": "cluster"}}]}, "cannot be associated", id="node-policy"),
        pytest.param({"kubernetesGroups": ["system:masters"]}, "group system:masters begins with", id="masters"),
        pytest.param({"kubernetesGroups": [" g"]}, "blanks", id="group-blank"),
        pytest.param({"username": "system:admin"}, "may not begin with", id="reserved-username"),
        pytest.param({"username": "{{SessionName}}"}, "could choose this user name", id="spoof"),
        pytest.param({"username": "a{{SessionNameRaw}}:b"}, "could choose this user name", id="spoof-raw"),
        pytest.param({"groups": ["x"]}, "unknown key 'groups'", id="unknown-key"),
        pytest.param({"principalId": "x"}, "must be a unique id", id="principal-id"),
        pytest.param({"accessPolicies": [{"policyArn": "arn:aws:iam::aws:policy/Admin", "accessScope": {"type": "cluster"}}]}, "is an IAM policy", id="iam-policy"),
        pytest.param({"accessPolicies": [{"policyArn": VIEW + "x", "accessScope": {"type": "cluster"}}]}, "did you mean AmazonEKSViewPolicy", id="policy-typo"),
        pytest.param({"accessPolicies": [{"policyArn": VIEW.replace(":aws:eks", ":aws-cn:eks"), "accessScope": {"type": "cluster"}}]}, "another partition", id="policy-partition"),
        pytest.param({"accessPolicies": [{"policyArn": VIEW.replace("EKSView", "EKSCompute"), "accessScope": {"type": "cluster"}}]}, "service-linked roles only", id="policy-service-linked"),
        pytest.param({"accessPolicies": [{"policyArn": VIEW}]}, "needs an accessScope", id="no-scope"),
        pytest.param({"accessPolicies": [{"policyArn": VIEW, "accessScope": {"type": "namespace"}}]}, "needs names of namespaces", id="no-namespaces"),
        pytest.param({"accessPolicies": [{"policyArn": VIEW, "accessScope": {"type": "cluster", "namespaces": ["a"]}}]}, "has no namespaces", id="cluster-namespaces"),
        pytest.param({"accessPolicies": [{"policyArn": VIEW, "accessScope": {"type": "namespace", "namespaces": ["A_b"]}}]}, "needs names of namespaces", id="namespace-name"),
    ],
)  # fmt: skip
def test_an_entry_that_eks_would_refuse_is_skipped_and_named(fields: dict[str, object], message: str) -> None:
    """A bad entry costs itself alone: the reader says what is wrong and where, and keeps its neighbours."""
    good = {"principalArn": f"arn:aws:iam::{A}:role/Good"}
    entries, problems = read(json.dumps({"accessEntries": [good, {"principalArn": ROLE, **fields}, good]}))
    assert [entry.principal_arn for entry in entries] == [good["principalArn"]] * 2
    assert len(problems) == 1
    assert problems[0].startswith("entries.skipped entries.yaml:1: skipped: entries.yaml:1:")
    assert message in problems[0]


def test_account_ids_stay_text() -> None:
    """A file written by hand may leave quotes out; numbers and truth values are what was written."""
    entries, problems = read(
        f"accessEntries:\n  - principalArn: {ROLE}\n    kubernetesGroups: [yes, 010]\n    username: 1234:x\n"
    )
    assert problems == []
    assert (entries[0].groups, entries[0].username, entries[0].source.line) == (("yes", "010"), "1234:x", 2)


def test_a_policy_whose_rules_are_unknown_loads_with_a_warning() -> None:
    """It grants nothing, and the reader says so rather than guess."""
    arn = "arn:aws:eks::aws:cluster-access-policy/AmazonAIOpsAssistantPolicy"
    fields = {"principalArn": ROLE, "accessPolicies": [{"policyArn": arn, "accessScope": {"type": "cluster"}}]}
    entries, problems = read(json.dumps({"accessEntries": [fields]}))
    assert len(entries) == 1
    assert "grants is not known here" in problems[0]


@pytest.mark.parametrize(
    "text, message",
    [
        pytest.param("accessEntries: {a: b}\n", "accessEntries must be a list", id="mapping"),
        pytest.param("- a\n", "expected keys and values", id="list"),
        pytest.param("entries: []\n", "there is no accessEntries", id="other-key"),
        pytest.param("accessEntries: [\n", "not valid YAML", id="syntax"),
    ],
)
def test_a_file_of_another_form_is_an_error(text: str, message: str) -> None:
    """What is no list of entries at all is refused whole, so that what was loaded before stays."""
    with pytest.raises(ConfigError, match=message):
        read(text)


def test_an_empty_file_has_no_entries() -> None:
    """Empty is a statement, not an error."""
    assert read("") == ((), [])
    assert read("accessEntries: []\n") == ((), [])
