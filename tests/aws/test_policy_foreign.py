"""Trust policies and callers whom an identity provider or an AWS service vouches for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eksauth.aws.policy import AccessRequest, Decision, parse_policy
from eksauth.aws.policy_foreign import ForeignPrincipal, all_allowed, evaluate_foreign_trust

PROVIDER = "arn:aws:iam::111122223333:oidc-provider/idp.example"
ACTION = "sts:AssumeRoleWithWebIdentity"
ROLE = "arn:aws:iam::111122223333:role/x"
WEB = ForeignPrincipal("Federated", PROVIDER)


def policy(*statements: dict[str, Any]) -> Any:
    """Parse a trust policy."""
    return parse_policy(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))


def statement(principal: Any, effect: str = "Allow", action: Any = ACTION, **more: Any) -> dict[str, Any]:
    """Return one statement."""
    return {"Effect": effect, "Principal": principal, "Action": action, **more}


@pytest.mark.parametrize(
    "statements, expected",
    [
        pytest.param([statement({"Federated": PROVIDER})], Decision.ALLOW, id="named"),
        pytest.param([statement({"Federated": [PROVIDER + "x", PROVIDER]})], Decision.ALLOW, id="one-of-several"),
        pytest.param([statement({"Federated": PROVIDER + "x"})], Decision.IMPLICIT_DENY, id="another"),
        pytest.param([statement({"Federated": PROVIDER.upper()})], Decision.IMPLICIT_DENY, id="case"),
        pytest.param(
            [statement({"Federated": "arn:aws:iam::*:oidc-provider/*"})], Decision.IMPLICIT_DENY, id="pattern"
        ),
        pytest.param([statement({"AWS": PROVIDER})], Decision.IMPLICIT_DENY, id="named-as-aws"),
        pytest.param([statement({"Service": PROVIDER})], Decision.IMPLICIT_DENY, id="named-as-service"),
        pytest.param([statement({"AWS": "111122223333"})], Decision.IMPLICIT_DENY, id="the-account"),
        pytest.param([statement("*")], Decision.ALLOW, id="everybody"),
        pytest.param([statement({"AWS": "*"})], Decision.ALLOW, id="everybody-as-aws"),
        pytest.param(
            [statement({"Federated": PROVIDER}, action="sts:AssumeRole")], Decision.IMPLICIT_DENY, id="action"
        ),
        pytest.param(
            [statement({"Federated": PROVIDER}, action="STS:assumerole*")], Decision.ALLOW, id="action-pattern"
        ),
        pytest.param([statement({"Federated": PROVIDER}), statement("*", "Deny")], Decision.EXPLICIT_DENY, id="denied"),
        pytest.param(
            [statement({"Federated": PROVIDER}), statement({"Federated": PROVIDER + "x"}, "Deny")],
            Decision.ALLOW,
            id="another-denied",
        ),
        pytest.param(
            [
                statement({"Federated": PROVIDER}),
                {"Effect": "Deny", "NotPrincipal": {"Federated": PROVIDER}, "Action": "*"},
            ],
            Decision.ALLOW,
            id="all-others-denied",
        ),
        pytest.param(
            [statement("*"), {"Effect": "Deny", "NotPrincipal": {"Federated": PROVIDER + "x"}, "Action": "*"}],
            Decision.EXPLICIT_DENY,
            id="denied-as-one-of-the-others",
        ),
        pytest.param(
            [statement({"Federated": PROVIDER}, Condition={"StringEquals": {"idp.example:sub": "me"}})],
            Decision.ALLOW,
            id="condition",
        ),
        pytest.param(
            [statement({"Federated": PROVIDER}, Condition={"StringEquals": {"other.example:sub": "me"}})],
            Decision.IMPLICIT_DENY,
            id="condition-of-another-provider",
        ),
        pytest.param(
            [
                statement(
                    {"Federated": PROVIDER},
                    Condition={"StringEquals": {"idp.example:sub": "m*"}, "StringLike": {"idp.example:sub": "m*"}},
                )
            ],
            Decision.IMPLICIT_DENY,
            id="both-operators-must-hold",
        ),
    ],
)
def test_trust(statements: list[dict[str, Any]], expected: Decision) -> None:
    """Who is named, for which action, under which conditions; an explicit deny wins."""
    request = AccessRequest(ACTION, ROLE, {"idp.example:sub": "me"})
    assert evaluate_foreign_trust(policy(*statements), WEB, request) is expected


def test_services() -> None:
    """A service is named by its host name."""
    service = ForeignPrincipal("Service", "ec2.amazonaws.com")
    trust = policy(statement({"Service": ["ec2.amazonaws.com"]}, action="sts:AssumeRole"))
    request = AccessRequest("sts:AssumeRole", ROLE)
    assert evaluate_foreign_trust(trust, service, request) is Decision.ALLOW
    other = ForeignPrincipal("Service", "ec2.amazonaws.com.cn")
    assert evaluate_foreign_trust(trust, other, request) is Decision.IMPLICIT_DENY


def test_the_first_action_that_is_refused() -> None:
    """Of several actions the first that is not allowed is named."""
    trust = policy(statement({"Federated": PROVIDER}))
    asked = [AccessRequest(one, ROLE) for one in (ACTION, "sts:TagSession", "sts:SetSourceIdentity")]
    assert all_allowed(trust, WEB, asked[:1]) is None
    assert all_allowed(trust, WEB, asked) == "sts:TagSession"


@given(st.lists(st.sampled_from([PROVIDER, PROVIDER + "x", "*"]), min_size=1, max_size=3), st.booleans())
def test_a_deny_never_allows(names: list[str], everybody: bool) -> None:
    """A policy of denials alone allows nobody anything."""
    trust = policy(statement("*" if everybody else {"Federated": names}, "Deny", "*"))
    assert evaluate_foreign_trust(trust, WEB, AccessRequest(ACTION, ROLE)) is not Decision.ALLOW
