"""Session tags, source identities, root tasks and federated users, as AWS documents them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.organization import Organization
from eksauth.sandbox.aws.seed import ACCOUNT, OTHER_ACCOUNT
from eksauth.sandbox.aws.sts.tags import SessionTags, checked

AUDIT = "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"


def tags(**pairs: str) -> dict[str, str]:
    """Return the parameters of session tags."""
    found: dict[str, str] = {}
    for number, (key, value) in enumerate(pairs.items(), 1):
        found |= {f"Tags.member.{number}.Key": key, f"Tags.member.{number}.Value": value}
    return found


def transitive(*keys: str) -> dict[str, str]:
    """Return the parameters of transitive keys."""
    return {f"TransitiveTagKeys.member.{number}": key for number, key in enumerate(keys, 1)}


def trusting(lab: Any, name: str, actions: Any, condition: Any = None, principal: Any = ACCOUNT) -> str:
    """Give a seeded role another trust policy; returns its ARN."""
    admin = lab.assume(lab.key(), "EksAdmin")
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": actions, "Condition": condition or {}}
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    answer = lab.iam(admin, "UpdateAssumeRolePolicy", RoleName=name, PolicyDocument=document)
    assert answer.status == 200, answer.body
    return str(lab.seed.roles[name].arn)


def allow(lab: Any, user: str, *actions: str) -> None:
    """Give a user an identity policy."""
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    admin = lab.assume(lab.key(), "EksAdmin")
    assert lab.iam(admin, "PutUserPolicy", UserName=user, PolicyName="given", PolicyDocument=document).status == 200


def session(lab: Any, key: Any, arn: str, **more: str) -> Any:
    """Assume a role by its ARN and return the session's key."""
    status, result = lab.call(key, "AssumeRole", RoleArn=arn, RoleSessionName="test", **more)
    assert status == 200, result
    found = result["Credentials"]
    return replace(
        key,
        access_key_id=found["AccessKeyId"],
        secret_access_key=found["SecretAccessKey"],
        session_token=found["SessionToken"],
    )


def test_tagging_needs_its_own_permission(own_lab: Any) -> None:
    """sts:TagSession must be allowed by the trust policy, and by the caller's where the account is trusted."""
    bob = own_lab.key("bob")
    allow(own_lab, "bob", "sts:AssumeRole")
    arn = trusting(own_lab, "EksReadOnly", ["sts:AssumeRole", "sts:TagSession"])
    ask = {"RoleArn": arn, "RoleSessionName": "test", **tags(team="shop")}
    status, (code, message) = own_lab.call(bob, "AssumeRole", **ask)
    assert (status, code) == (403, "AccessDenied")
    assert (
        message
        == f"User: {own_lab.seed.users['bob'].arn} is not authorized to perform: sts:TagSession on resource: {arn}"
    )
    allow(own_lab, "bob", "sts:AssumeRole", "sts:TagSession")
    status, result = own_lab.call(bob, "AssumeRole", **ask)
    assert status == 200
    assert 0 < result["PackedPolicySize"] < 100
    trusting(own_lab, "EksReadOnly", "sts:AssumeRole")
    assert own_lab.call(bob, "AssumeRole", **ask)[0] == 403


def test_conditions_on_tags(own_lab: Any) -> None:
    """The trust policy sees the request's tags, their keys and which of them are transitive."""
    arn = trusting(
        own_lab,
        "EksReadOnly",
        ["sts:AssumeRole", "sts:TagSession"],
        {
            "StringLike": {"aws:RequestTag/team": ["shop", "shop-*"]},
            "ForAllValues:StringEquals": {"aws:TagKeys": ["team", "cost"], "sts:TransitiveTagKeys": ["team"]},
        },
        principal="*",
    )
    ask = {"RoleArn": arn, "RoleSessionName": "test"}
    bob = own_lab.key("bob")
    for more, expected in (
        (tags(team="shop"), 200),
        (tags(team="shop-x", cost="1") | transitive("team"), 200),
        (tags(team="other"), 403),
        (tags(team="shop", stage="x"), 403),
        (tags(team="shop", cost="1") | transitive("cost"), 403),
        ({}, 403),
    ):
        assert own_lab.call(bob, "AssumeRole", **ask, **more)[0] == expected, more


def test_tags_follow_a_chain(own_lab: Any) -> None:
    """Transitive tags reach the next roles, can be neither changed nor dropped, and need the permission there too."""
    both = ["sts:AssumeRole", "sts:TagSession"]
    first = trusting(own_lab, "EksReadOnly", both, principal="*")
    second = trusting(own_lab, "CICDRole", both, {"StringEquals": {"aws:RequestTag/team": "shop"}}, principal=[first])
    key = session(own_lab, own_lab.key("bob"), first, **tags(team="shop", cost="7"), **transitive("team"))
    chained = session(own_lab, key, second, **tags(own="x"))
    found = own_lab.cloud.sessions.get(chained.access_key_id).caller.session_tags
    assert dict(found.pairs) == {"team": "shop", "own": "x"}
    status, (code, message) = own_lab.call(
        key, "AssumeRole", RoleArn=second, RoleSessionName="test", **tags(Team="other")
    )
    assert (status, code) == (400, "InvalidParameterValue")
    assert "conflicts with a transitive tag key from the calling session" in message
    trusting(own_lab, "CICDRole", "sts:AssumeRole", principal=[first])
    refused = own_lab.call(key, "AssumeRole", RoleArn=second, RoleSessionName="test")
    assert "sts:TagSession" in refused[1][1]


def test_principal_tags(own_lab: Any) -> None:
    """Policies see the tags of users and roles, and session tags in their place."""
    admin = own_lab.assume(own_lab.key(), "EksAdmin")
    tagged = {"Tags.member.1.Key": "team", "Tags.member.1.Value": "shop"}
    assert own_lab.iam(admin, "TagUser", UserName="bob", **tagged).status == 200
    both = ["sts:AssumeRole", "sts:TagSession"]
    condition = {"StringEquals": {"aws:PrincipalTag/team": "shop"}}
    arn = trusting(own_lab, "EksReadOnly", both, condition, principal="*")
    ask = {"RoleArn": arn, "RoleSessionName": "test"}
    assert own_lab.call(own_lab.key("bob"), "AssumeRole", **ask)[0] == 200
    assert own_lab.call(own_lab.key("alice"), "AssumeRole", **ask)[0] == 403
    assert own_lab.iam(admin, "TagRole", RoleName="CICDRole", **tagged).status == 200
    middle = trusting(own_lab, "CICDRole", both, principal="*")
    assert own_lab.call(session(own_lab, own_lab.key("bob"), middle), "AssumeRole", **ask)[0] == 200
    overridden = session(own_lab, own_lab.key("bob"), middle, **tags(team="other"))
    assert own_lab.call(overridden, "AssumeRole", **ask)[0] == 403


@pytest.mark.parametrize(
    "given, code, text",
    [
        (tags(**{"aws:x": "1"}), "InvalidParameterValue", "aws: prefixed"),
        (tags(**{"AWS:x": "1"}), "InvalidParameterValue", "aws: prefixed"),
        (tags(a="1", A="2"), "InvalidParameterValue", "Duplicate tag keys"),
        (tags(**{"k" * 129: "1"}), "ValidationError", "less than or equal to 128"),
        (tags(**{"": "1"}), "ValidationError", "greater than or equal to 1"),
        (tags(a="v" * 257), "ValidationError", "less than or equal to 256"),
        (tags(**{"a!": "1"}), "ValidationError", "regular expression pattern"),
        (tags(a="<"), "ValidationError", "regular expression pattern"),
        (tags(a="x\n"), "ValidationError", "regular expression pattern"),
        (tags(**{f"k{number}": "v" for number in range(51)}), "ValidationError", "less than or equal to 50"),
        ({"Tags.member.1.Key": "a"}, "ValidationError", "Value null at 'tags.1.member.value'"),
        ({"Tags.member.2.Value": "a"}, "ValidationError", "Value null at 'tags.2.member.key'"),
        (transitive("a"), "InvalidParameterValue", "must be included in the requested tags"),
        (tags(a="1") | transitive("b"), "InvalidParameterValue", "must be included in the requested tags"),
        ({"SourceIdentity": "x"}, "ValidationError", "length greater than or equal to 2"),
        ({"SourceIdentity": "a b"}, "ValidationError", "pattern"),
        ({"SourceIdentity": "x" * 65}, "ValidationError", "less than or equal to 64"),
        ({f"PolicyArns.member.{number}.arn": AUDIT for number in range(1, 12)}, "ValidationError", "equal to 10"),
    ],
    ids=range(18),
)
def test_limits(lab: Any, given: dict[str, str], code: str, text: str) -> None:
    """Tags and source identities have AWS's limits."""
    ask = {"RoleArn": lab.seed.roles["EksAdmin"].arn, "RoleSessionName": "test", **given}
    status, (found, message) = lab.call(lab.key(), "AssumeRole", **ask)
    assert (status, found) == (400, code)
    assert text in message


def test_packed_size(own_lab: Any) -> None:
    """Tags that compress badly are refused when they take more than the space there is, in percent."""
    arn = trusting(own_lab, "EksReadOnly", ["sts:AssumeRole", "sts:TagSession"], principal="*")
    hard = {f"key{number}": "".join(chr(0x4E00 + number * 200 + at) for at in range(60)) for number in range(40)}
    status, (code, message) = own_lab.call(
        own_lab.key("bob"), "AssumeRole", RoleArn=arn, RoleSessionName="test", **tags(**hard)
    )
    assert (status, code) == (400, "PackedPolicyTooLarge")
    assert message.startswith("Packed policy consumes ")
    assert message.endswith("% of allotted space, please use smaller policy.")


def test_source_identity(own_lab: Any) -> None:
    """A source identity needs its permission, stays along a chain, and cannot be changed."""
    both = ["sts:AssumeRole", "sts:SetSourceIdentity"]
    first = trusting(own_lab, "EksReadOnly", both, {"StringLike": {"sts:SourceIdentity": "b*"}}, principal="*")
    second = trusting(own_lab, "CICDRole", both, {"StringEquals": {"aws:SourceIdentity": "bob"}}, principal=[first])
    bob = own_lab.key("bob")
    ask = {"RoleArn": first, "RoleSessionName": "test"}
    status, result = own_lab.call(bob, "AssumeRole", **ask, SourceIdentity="bob")
    assert (status, result["SourceIdentity"]) == (200, "bob")
    assert own_lab.call(bob, "AssumeRole", **ask, SourceIdentity="mallory")[0] == 403
    key = session(own_lab, bob, first, SourceIdentity="bob")
    status, result = own_lab.call(key, "AssumeRole", RoleArn=second, RoleSessionName="test")
    assert (status, result["SourceIdentity"]) == (200, "bob")
    assert own_lab.call(key, "AssumeRole", RoleArn=second, RoleSessionName="x1", SourceIdentity="bob")[0] == 200
    status, refused = own_lab.call(key, "AssumeRole", RoleArn=second, RoleSessionName="x1", SourceIdentity="alice")
    assert (status, refused[0]) == (403, "AccessDenied")
    trusting(own_lab, "CICDRole", "sts:AssumeRole", principal=[first])
    refused = own_lab.call(key, "AssumeRole", RoleArn=second, RoleSessionName="test")
    assert "sts:SetSourceIdentity" in refused[1][1]


KEYS = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), min_size=1, max_size=140)


@settings(max_examples=200, deadline=None)
@given(pairs=st.lists(st.tuples(KEYS, st.text(max_size=260)), max_size=4), keys=st.lists(KEYS, max_size=2))
def test_fuzzed_tags(pairs: list[tuple[str, str]], keys: list[str]) -> None:
    """Tags are within the limits or refused, and what is handed on is a part of what there is."""
    found = SessionTags()
    code = ""
    try:
        found = checked(pairs, keys)
    except ServiceFault as fault:
        code = fault.code
    assert code in {"", "ValidationError", "InvalidParameterValue"}
    assert code or set(found.pairs) == set(pairs)
    assert set(found.inherited().pairs) <= set(found.pairs)
    assert SessionTags().joined(found.inherited()).inherited() == found.inherited()


def test_assume_root(own_lab: Any) -> None:
    """Somebody in the management account becomes a member's root user for a task, for a quarter of an hour."""
    own_lab.cloud.organization = Organization(ACCOUNT, {OTHER_ACCOUNT})
    admin = own_lab.assume(own_lab.key(), "EksAdmin")
    ask = {"TargetPrincipal": OTHER_ACCOUNT, "TaskPolicyArn.arn": AUDIT}
    before = own_lab.cloud.now()
    status, result = own_lab.call(admin, "AssumeRoot", **ask)
    assert status == 200
    assert set(result) == {"Credentials"}
    assert round(result["Credentials"]["Expiration"] - before) == 900
    found = result["Credentials"]
    root = replace(
        admin,
        access_key_id=found["AccessKeyId"],
        secret_access_key=found["SecretAccessKey"],
        session_token=found["SessionToken"],
    )
    arn = f"arn:aws:iam::{OTHER_ACCOUNT}:root"
    identity = {"Arn": arn, "UserId": OTHER_ACCOUNT, "Account": OTHER_ACCOUNT}
    assert own_lab.call(root, "GetCallerIdentity") == (200, identity)
    # the task policy denies everything else
    assert own_lab.iam(root, "ListUsers").status == 403
    assert own_lab.iam(root, "GetAccountSummary").status == 200
    assert own_lab.call(root, "AssumeRoot", **ask)[0] == 403
    assert own_lab.call(root, "GetSessionToken")[0] == 403
    assert own_lab.call(admin, "AssumeRoot", **{**ask, "TargetPrincipal": arn})[0] == 200


@pytest.mark.parametrize(
    "change, status, text",
    [
        ({"TargetPrincipal": ACCOUNT}, 403, "sts:AssumeRoot on resource: arn:aws:iam::111122223333:root"),
        ({"TargetPrincipal": "999988887777"}, 403, "not authorized to perform: sts:AssumeRoot"),
        ({"TargetPrincipal": "123"}, 400, "greater than or equal to 12"),
        ({"TargetPrincipal": f"arn:aws:iam::{OTHER_ACCOUNT}:user/x"}, 400, "no account and no root user"),
        ({"TargetPrincipal": f"arn:aws:iam::{OTHER_ACCOUNT}"}, 400, "no account and no root user"),
        ({"TaskPolicyArn.arn": None}, 400, "Value null at 'taskPolicyArn'"),
        ({"TaskPolicyArn.arn": "arn:aws:iam::aws:policy/AdministratorAccess"}, 400, "not one of the managed root task"),
        ({"DurationSeconds": "901"}, 400, "less than or equal to 900"),
    ],
    ids=range(8),
)
def test_assume_root_refusals(own_lab: Any, change: dict[str, str | None], status: int, text: str) -> None:
    """Only members, only root task policies, only fifteen minutes."""
    own_lab.cloud.organization = Organization(ACCOUNT, {OTHER_ACCOUNT})
    admin = own_lab.assume(own_lab.key(), "EksAdmin")
    ask = {"TargetPrincipal": OTHER_ACCOUNT, "TaskPolicyArn.arn": AUDIT, **change}
    found = own_lab.call(admin, "AssumeRoot", **{name: value for name, value in ask.items() if value is not None})
    assert found[0] == status
    assert text in found[1][1]


def test_who_may_assume_root(own_lab: Any) -> None:
    """The caller needs the permission and an account that manages root access, and the feature must be on."""
    ask = {"TargetPrincipal": OTHER_ACCOUNT, "TaskPolicyArn.arn": AUDIT}
    admin = own_lab.assume(own_lab.key(), "EksAdmin")
    assert own_lab.call(admin, "AssumeRoot", **ask)[0] == 403
    own_lab.cloud.organization = Organization("777788889999", {OTHER_ACCOUNT}, {ACCOUNT})
    assert own_lab.call(admin, "AssumeRoot", **ask)[0] == 200
    assert own_lab.call(own_lab.key("bob"), "AssumeRoot", **ask)[0] == 403
    own_lab.cloud.organization.root_sessions = False
    assert own_lab.call(admin, "AssumeRoot", **ask)[0] == 403


def test_task_policy_condition(own_lab: Any) -> None:
    """Policies can limit which tasks somebody may ask for."""
    own_lab.cloud.organization = Organization(ACCOUNT, {OTHER_ACCOUNT})
    statement = {
        "Effect": "Allow",
        "Action": "sts:AssumeRoot",
        "Resource": "*",
        "Condition": {"StringEquals": {"sts:TaskPolicyArn": AUDIT}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    admin = own_lab.assume(own_lab.key(), "EksAdmin")
    assert own_lab.iam(admin, "PutUserPolicy", UserName="bob", PolicyName="x", PolicyDocument=document).status == 200
    bob = own_lab.key("bob")
    for task, expected in ((AUDIT, 200), (AUDIT.replace("IAMAuditRootUserCredentials", "S3UnlockBucketPolicy"), 403)):
        ask = {"TargetPrincipal": OTHER_ACCOUNT, "TaskPolicyArn.arn": task}
        assert own_lab.call(bob, "AssumeRoot", **ask)[0] == expected


def test_federation_token(own_lab: Any) -> None:
    """A federated user may do what both the user and the session policy allow, and ask STS for nothing."""
    allow(own_lab, "bob", "sts:GetFederationToken", "eks:*", "sts:TagSession")
    bob = own_lab.key("bob")
    policy = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"eks:ListClusters","Resource":"*"}}'

    def federated(**more: str) -> Any:
        status, result = own_lab.call(bob, "GetFederationToken", Name="visitor", **more)
        assert status == 200, result
        assert result["FederatedUser"] == {
            "FederatedUserId": f"{ACCOUNT}:visitor",
            "Arn": f"arn:aws:sts::{ACCOUNT}:federated-user/visitor",
        }
        found = result["Credentials"]
        return replace(
            bob,
            access_key_id=found["AccessKeyId"],
            secret_access_key=found["SecretAccessKey"],
            session_token=found["SessionToken"],
        )

    key = federated(Policy=policy, **tags(team="shop"))
    assert own_lab.call(key, "GetCallerIdentity")[1]["Arn"].endswith(":federated-user/visitor")
    assert own_lab.eks(key, "/clusters")[0] == 200
    assert own_lab.eks(key, "/clusters/demo")[0] == 403
    assert own_lab.eks(federated(), "/clusters")[0] == 403
    assert own_lab.call(key, "GetFederationToken", Name="again")[1][0] == "AccessDenied"
    arn = own_lab.seed.roles["EksReadOnly"].arn
    assert own_lab.call(key, "AssumeRole", RoleArn=arn, RoleSessionName="test")[0] == 403
    assert own_lab.call(own_lab.key("alice"), "GetFederationToken", Name="visitor")[0] == 403
    assert own_lab.call(bob, "GetFederationToken", Name="x" * 33)[1][0] == "ValidationError"
