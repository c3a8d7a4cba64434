"""Policies are judged as the IAM documentation says."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eksauth.aws.policy import (
    AccessRequest,
    Decision,
    Requester,
    authorize_assume_role,
    evaluate_identity_policies,
    evaluate_trust_policy,
    parse_policy,
)
from eksauth.aws.policy_conditions import substitute, wildcard_match

A, B = "111122223333", "444455556666"
ROLE = f"arn:aws:iam::{A}:role/Target"
ALICE = Requester(f"arn:aws:iam::{A}:user/team/alice", f"arn:aws:iam::{A}:user/team/alice", A, "AIDAALICE")
SESSION = Requester(f"arn:aws:sts::{A}:assumed-role/Deploy/run-7", f"arn:aws:iam::{A}:role/ci/Deploy", A, "AROADEPLOY")
CAROL = Requester(f"arn:aws:iam::{B}:user/carol", f"arn:aws:iam::{B}:user/carol", B, "AIDACAROL")

ALLOW, IMPLICIT, EXPLICIT = Decision.ALLOW, Decision.IMPLICIT_DENY, Decision.EXPLICIT_DENY


def statement(**elements: Any) -> dict[str, Any]:
    """Return a raw statement about AssumeRole."""
    return {"Effect": "Allow", "Action": "sts:AssumeRole", **elements}


def policy(*statements: dict[str, Any], version: str = "2012-10-17") -> Any:
    """Return a parsed policy."""
    return parse_policy(json.dumps({"Version": version, "Statement": list(statements)}))


def trust(principal: Any, **elements: Any) -> Any:
    """Return a trust policy of one statement."""
    return policy(statement(Principal=principal, **elements))


def assume(**context: Any) -> AccessRequest:
    """Return a request to assume the role; ``__`` in a keyword stands for a colon."""
    return AccessRequest("sts:AssumeRole", ROLE, {key.replace("__", ":"): value for key, value in context.items()})


@pytest.mark.parametrize(
    "principal, requester, expected",
    [
        pytest.param({"AWS": ALICE.arn}, ALICE, ALLOW, id="user-by-arn"),
        pytest.param({"AWS": [CAROL.arn, ALICE.arn]}, ALICE, ALLOW, id="one-of-several"),
        pytest.param({"AWS": "AIDAALICE"}, ALICE, ALLOW, id="user-by-unique-id"),
        pytest.param({"AWS": f"arn:aws:iam::{A}:user/alice"}, ALICE, IMPLICIT, id="user-without-its-path"),
        pytest.param({"AWS": f"arn:aws:iam::{A}:user/team/Alice"}, ALICE, IMPLICIT, id="names-are-case-sensitive"),
        pytest.param({"AWS": SESSION.principal_arn}, SESSION, ALLOW, id="role-covers-its-sessions"),
        pytest.param({"AWS": f"arn:aws:iam::{A}:role/Deploy"}, SESSION, IMPLICIT, id="role-without-its-path"),
        pytest.param({"AWS": SESSION.arn}, SESSION, ALLOW, id="one-session"),
        pytest.param({"AWS": f"arn:aws:sts::{A}:assumed-role/Deploy/run-8"}, SESSION, IMPLICIT, id="another-session"),
        pytest.param({"AWS": "AROADEPLOY"}, SESSION, ALLOW, id="role-by-unique-id"),
        pytest.param({"AWS": f"arn:aws:iam::{A}:user/team/*"}, ALICE, IMPLICIT, id="no-wildcards-inside-an-arn"),
        pytest.param({"AWS": f"arn:aws:iam::{A}:root"}, CAROL, IMPLICIT, id="another-account"),
        pytest.param({"AWS": f"arn:aws-cn:iam::{A}:root"}, ALICE, IMPLICIT, id="another-partition"),
        pytest.param({"AWS": "*"}, CAROL, IMPLICIT, id="anyone-still-needs-an-identity-policy-across-accounts"),
        pytest.param("*", ALICE, ALLOW, id="star-in-the-own-account"),
        pytest.param({"AWS": "*"}, SESSION, ALLOW, id="aws-star-in-the-own-account"),
        pytest.param({"Service": "eks.amazonaws.com"}, ALICE, IMPLICIT, id="service-is-not-for-people"),
        pytest.param({"Federated": ALICE.arn}, ALICE, IMPLICIT, id="federated-is-not-for-people"),
        pytest.param({"AWS": f"arn:aws:iam::{A}:root"}, ALICE, IMPLICIT, id="account-alone-leaves-it-to-identity"),
        pytest.param({"AWS": A}, ALICE, IMPLICIT, id="account-number-alone-likewise"),
    ],
)
def test_principals_without_identity_policy(principal: Any, requester: Requester, expected: Decision) -> None:
    """Without any identity policy only a trust policy that names the caller itself lets it in, in its own account."""
    assert authorize_assume_role(requester, assume(), role_account=A, trust=trust(principal), identity=[]) is expected


@pytest.mark.parametrize(
    "principal, requester, identity, expected",
    [
        pytest.param({"AWS": f"arn:aws:iam::{A}:root"}, ALICE, "Allow", ALLOW, id="root-and-allow"),
        pytest.param({"AWS": A}, SESSION, "Allow", ALLOW, id="number-and-allow"),
        pytest.param({"AWS": ALICE.arn}, ALICE, "Deny", EXPLICIT, id="named-but-denied"),
        pytest.param({"AWS": CAROL.arn}, ALICE, "Allow", IMPLICIT, id="allowed-but-not-trusted"),
        pytest.param({"AWS": CAROL.arn}, CAROL, "Allow", ALLOW, id="cross-account-both"),
        pytest.param({"AWS": CAROL.arn}, CAROL, None, IMPLICIT, id="cross-account-trust-only"),
        pytest.param({"AWS": f"arn:aws:iam::{B}:root"}, CAROL, "Allow", ALLOW, id="cross-account-root-both"),
        pytest.param({"AWS": "*"}, CAROL, "Allow", ALLOW, id="cross-account-star-both"),
    ],
)
def test_trust_and_identity_together(
    principal: Any, requester: Requester, identity: str | None, expected: Decision
) -> None:
    """Across accounts both sides must allow; a deny on either side wins."""
    policies = [policy(statement(Effect=identity, Resource=ROLE))] if identity else []
    verdict = authorize_assume_role(requester, assume(), role_account=A, trust=trust(principal), identity=policies)
    assert verdict is expected


@pytest.mark.parametrize(
    "principal, requester, expected",
    [
        pytest.param({"AWS": ALICE.arn}, ALICE, ALLOW, id="user-named-directly"),
        pytest.param({"AWS": SESSION.arn}, SESSION, ALLOW, id="session-named-directly"),
        pytest.param({"AWS": SESSION.principal_arn}, SESSION, IMPLICIT, id="role-named"),
        pytest.param({"AWS": f"arn:aws:iam::{A}:root"}, ALICE, IMPLICIT, id="account-named"),
        pytest.param("*", SESSION, IMPLICIT, id="anyone"),
    ],
)
def test_boundaries_limit_all_but_direct_grants(principal: Any, requester: Requester, expected: Decision) -> None:
    """A boundary that does not allow the action stops everything but a grant to the very user or session."""
    verdict = authorize_assume_role(
        requester,
        assume(),
        role_account=A,
        trust=trust(principal),
        identity=[policy(statement(Resource="*"))],
        boundaries=[[policy(statement(Action="s3:*", Resource="*"))]],
    )
    assert verdict is expected


def test_a_deny_in_a_boundary_beats_a_direct_grant() -> None:
    """What a boundary does not mention is no matter to a direct grant; what it denies is denied."""
    verdict = authorize_assume_role(
        ALICE,
        assume(),
        role_account=A,
        trust=trust({"AWS": ALICE.arn}),
        identity=[],
        boundaries=[[policy(statement(Effect="Deny", Resource="*"))]],
    )
    assert verdict is EXPLICIT


def test_trust_deny_beats_allow_wherever_it_stands() -> None:
    """An explicit deny of the account refuses a user that another statement names."""
    allow = statement(Principal={"AWS": ALICE.arn})
    deny = statement(Effect="Deny", Principal={"AWS": A})
    for document in (policy(allow, deny), policy(deny, allow)):
        assert evaluate_trust_policy(document, ALICE, assume())[0] is EXPLICIT


def test_not_principal_denies_everyone_else() -> None:
    """Deny with NotPrincipal spares exactly those it names."""
    document = policy(statement(Principal="*"), statement(Effect="Deny", NotPrincipal={"AWS": [ALICE.arn]}))
    assert evaluate_trust_policy(document, ALICE, assume())[0] is ALLOW
    assert evaluate_trust_policy(document, SESSION, assume())[0] is EXPLICIT


@pytest.mark.parametrize(
    "actions, expected",
    [
        ("sts:AssumeRole", ALLOW),
        ("STS:assumerole", ALLOW),
        ("sts:*", ALLOW),
        ("*", ALLOW),
        ("sts:Assume????", ALLOW),
        (["s3:GetObject", "sts:A*"], ALLOW),
        ("sts:AssumeRoleWithWebIdentity", IMPLICIT),
        ("sts:TagSession", IMPLICIT),
        ("sts", IMPLICIT),
    ],
    ids=str,
)
def test_actions(actions: Any, expected: Decision) -> None:
    """Actions are compared without regard to case; a star is any run, a question mark one character."""
    assert evaluate_trust_policy(trust("*", Action=actions), ALICE, assume())[0] is expected


@pytest.mark.parametrize(
    "elements, expected",
    [
        pytest.param({"Resource": "*"}, ALLOW, id="star"),
        pytest.param({"Resource": "arn:aws:iam::*:role/T*"}, ALLOW, id="wildcards"),
        pytest.param({"Resource": ROLE.lower()}, IMPLICIT, id="resources-are-case-sensitive"),
        pytest.param({"NotResource": ROLE}, IMPLICIT, id="not-resource"),
        pytest.param({"NotResource": "arn:aws:s3:::x"}, ALLOW, id="not-resource-other"),
        pytest.param({"Resource": f"arn:aws:iam::{A}:role/${{aws:username}}"}, ALLOW, id="variable"),
        pytest.param({"Resource": "*", "Action": None, "NotAction": "iam:*"}, ALLOW, id="not-action"),
        pytest.param({"Resource": "*", "Action": None, "NotAction": "sts:*"}, IMPLICIT, id="not-action-hit"),
    ],
)
def test_resources(elements: dict[str, Any], expected: Decision) -> None:
    """Resource, NotResource, NotAction and variables select as documented."""
    raw = {key: value for key, value in statement(**elements).items() if value is not None}
    assert evaluate_identity_policies([policy(raw)], assume(aws__username="Target")) is expected


@pytest.mark.parametrize(
    "condition, context, holds",
    [
        pytest.param({"StringEquals": {"sts:ExternalId": "x1"}}, {"sts__ExternalId": "x1"}, True, id="external-id"),
        pytest.param({"StringEquals": {"sts:ExternalId": "x1"}}, {"sts__ExternalId": "X1"}, False, id="case"),
        pytest.param({"StringEquals": {"sts:ExternalId": "x1"}}, {}, False, id="missing-key"),
        pytest.param({"StringEquals": {"STS:externalid": ["a", "x1"]}}, {"sts__ExternalId": "x1"}, True, id="key-case"),
        pytest.param({"StringEqualsIgnoreCase": {"k": "AB"}}, {"k": "ab"}, True, id="ignore-case"),
        pytest.param({"StringEqualsIfExists": {"k": "a"}}, {}, True, id="if-exists-missing"),
        pytest.param({"StringEqualsIfExists": {"k": "a"}}, {"k": "b"}, False, id="if-exists-present"),
        pytest.param({"StringNotEquals": {"k": ["a", "b"]}}, {"k": "b"}, False, id="not-equals-none-of"),
        pytest.param({"StringNotEquals": {"k": ["a", "b"]}}, {"k": "c"}, True, id="not-equals-other"),
        pytest.param({"StringNotEquals": {"k": "a"}}, {}, True, id="not-equals-missing"),
        pytest.param({"StringLike": {"sts:RoleSessionName": "dev-*"}}, {"sts__RoleSessionName": "dev-7"}, True, id="like"),
        pytest.param({"StringEquals": {"k": "dev-*"}}, {"k": "dev-7"}, False, id="no-wildcard-in-equals"),
        pytest.param({"StringLike": {"k": "[ab]"}}, {"k": "a"}, False, id="brackets-are-plain"),
        pytest.param({"StringNotLike": {"k": "dev-*"}}, {"k": "prod-1"}, True, id="not-like"),
        pytest.param(
            {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/team/*"}}, {"aws__PrincipalArn": ALICE.arn}, True, id="arn-like"
        ),
        pytest.param({"ArnLike": {"k": "arn:aws:*"}}, {"k": ALICE.arn}, False, id="arn-star-stays-in-its-section"),
        pytest.param({"ArnEquals": {"k": "arn:aws:iam::*:user/*"}}, {"k": ALICE.arn}, True, id="arn-equals-has-wildcards"),
        pytest.param({"ArnNotLike": {"k": "arn:aws:iam::*:role/*"}}, {"k": ALICE.arn}, True, id="arn-not-like"),
        pytest.param({"ArnLike": {"k": "*"}}, {"k": "no-arn"}, False, id="arn-like-no-arn"),
        pytest.param({"Bool": {"aws:MultiFactorAuthPresent": "true"}}, {"aws__MultiFactorAuthPresent": "true"}, True, id="mfa"),
        pytest.param({"Bool": {"aws:MultiFactorAuthPresent": True}}, {"aws__MultiFactorAuthPresent": "false"}, False, id="no-mfa"),
        pytest.param({"Bool": {"aws:MultiFactorAuthPresent": "false"}}, {}, False, id="mfa-unknown-is-not-false"),
        pytest.param({"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}, {}, True, id="mfa-if-exists"),
        pytest.param({"NumericLessThan": {"aws:MultiFactorAuthAge": 3600}}, {"aws__MultiFactorAuthAge": "60"}, True, id="younger"),
        pytest.param({"NumericLessThan": {"k": "60"}}, {"k": "60"}, False, id="less-is-strict"),
        pytest.param({"NumericLessThanEquals": {"k": "60"}}, {"k": "60.0"}, True, id="less-or-equal"),
        pytest.param({"NumericGreaterThan": {"k": "1"}}, {"k": "x"}, False, id="not-a-number"),
        pytest.param({"NumericNotEquals": {"k": "1"}}, {"k": "2"}, True, id="numeric-not"),
        pytest.param({"DateLessThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}}, {"aws__CurrentTime": "2026-01-01T00:00:00Z"}, True, id="date"),
        pytest.param({"DateGreaterThan": {"aws:EpochTime": "1700000000"}}, {"aws__EpochTime": "1600000000"}, False, id="epoch"),
        pytest.param({"DateLessThan": {"k": "tomorrow"}}, {"k": "2026-01-01"}, False, id="not-a-date"),
        pytest.param({"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "127.0.0.1"]}}, {"aws__SourceIp": "127.0.0.1"}, True, id="ip"),
        pytest.param({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, {"aws__SourceIp": "11.0.0.1"}, False, id="other-ip"),
        pytest.param({"IpAddress": {"aws:SourceIp": "2001:db8::/32"}}, {"aws__SourceIp": "2001:db8::1"}, True, id="ipv6"),
        pytest.param({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, {"aws__SourceIp": "10.1.1.1"}, False, id="not-ip"),
        pytest.param({"Null": {"sts:ExternalId": "true"}}, {}, True, id="null-missing"),
        pytest.param({"Null": {"sts:ExternalId": "false"}}, {}, False, id="not-null-missing"),
        pytest.param({"Null": {"sts:ExternalId": False}}, {"sts__ExternalId": "x"}, True, id="not-null-present"),
        pytest.param({"ForAnyValue:StringEquals": {"k": ["a", "b"]}}, {"k": ["x", "b"]}, True, id="any-value"),
        pytest.param({"ForAnyValue:StringEquals": {"k": "a"}}, {}, False, id="any-value-missing"),
        pytest.param({"ForAnyValue:StringNotEquals": {"k": "a"}}, {"k": ["a", "b"]}, True, id="any-value-not"),
        pytest.param({"ForAllValues:StringLike": {"k": ["a*", "b"]}}, {"k": ["a1", "b"]}, True, id="all-values"),
        pytest.param({"ForAllValues:StringLike": {"k": "a*"}}, {"k": ["a1", "b"]}, False, id="all-values-one-fails"),
        pytest.param({"ForAllValues:StringEquals": {"k": "a"}}, {}, True, id="all-values-missing"),
        pytest.param({"StringEquals": {"a": "1", "b": "2"}}, {"a": "1", "b": "3"}, False, id="keys-are-and"),
        pytest.param({"StringEquals": {"a": "1"}, "Bool": {"b": "true"}}, {"a": "1", "b": "true"}, True, id="operators-are-and"),
        pytest.param({"StringEquals": {"sts:RoleSessionName": "${aws:username}"}}, {"sts__RoleSessionName": "al", "aws__username": "al"}, True, id="variable"),
        pytest.param({"StringLike": {"k": "${aws:username}"}}, {"k": "alice", "aws__username": "*"}, False, id="variable-brings-no-wildcard"),
        pytest.param({"StringEquals": {"k": "${aws:username}"}}, {"k": "*", "aws__username": "*"}, True, id="variable-with-star-equals"),
        pytest.param({"StringLike": {"k": "a${*}b"}}, {"k": "a*b"}, True, id="literal-star"),
        pytest.param({"StringLike": {"k": "a${*}b"}}, {"k": "axb"}, False, id="literal-star-only"),
        pytest.param({"StringEquals": {"k": "${nope, 'dflt'}"}}, {"k": "dflt"}, True, id="variable-default"),
        pytest.param({"StringEquals": {"k": "${nope}"}}, {"k": ""}, False, id="unknown-variable-matches-nothing"),
    ],
)  # fmt: skip
def test_conditions(condition: dict[str, Any], context: dict[str, Any], holds: bool) -> None:
    """Condition operators, quantifiers and variables decide as documented."""
    verdict, _ = evaluate_trust_policy(trust({"AWS": ALICE.arn}, Condition=condition), ALICE, assume(**context))
    assert (verdict is ALLOW) == holds


def test_variables_are_plain_text_before_2012() -> None:
    """A policy of the 2008 version has no variables."""
    old = policy(statement(Principal="*", Condition={"StringEquals": {"k": "${aws:username}"}}), version="2008-10-17")
    assert evaluate_trust_policy(old, ALICE, assume(k="${aws:username}", aws__username="x"))[0] is ALLOW


@pytest.mark.parametrize(
    "text, reason",
    [
        pytest.param("", "Expecting value", id="empty"),
        pytest.param("{", "Expecting", id="no-json"),
        pytest.param("[]", "object", id="list"),
        pytest.param("[" * 100_000, "deep", id="deep"),
        pytest.param('{"Version":"2020-01-01","Statement":[]}', "Version", id="version"),
        pytest.param('{"Statement":[]}', "at least one", id="no-statement"),
        pytest.param('{"Statement":["x"]}', "object", id="text-statement"),
        pytest.param('{"Statement":{"Effect":"allow","Action":"*","Resource":"*"}}', "Effect", id="effect-case"),
        pytest.param('{"Statement":{"Effect":"Allow","Resource":"*"}}', "Action", id="no-action"),
        pytest.param('{"Statement":{"Effect":"Allow","Action":"*"}}', "Resource", id="neither-resource-nor-principal"),
        pytest.param('{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Principal":"*"}}', "either", id="both"),
        pytest.param('{"Statement":{"Effect":"Allow","Action":[],"Resource":"*"}}', "Action", id="empty-action"),
        pytest.param('{"Statement":{"Effect":"Allow","Action":7,"Resource":"*"}}', "Action", id="number-action"),
        pytest.param('{"Statement":{"Effect":"Allow","Action":"*","NotAction":"*","Resource":"*"}}', "exclude", id="not-action-too"),
        pytest.param('{"Statement":{"Effect":"Allow","Action":"*","Principal":{"Aws":"*"}}}', "principal", id="principal-kind"),
        pytest.param('{"Statement":{"Effect":"Allow","Action":"*","Principal":{}}}', "Principal", id="no-principal"),
        pytest.param('{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Conditions":{}}}', "unknown element", id="typo"),
        pytest.param('{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEqual":{"a":"b"}}}}', "operator", id="operator"),
        pytest.param('{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ForSome:StringEquals":{"a":"b"}}}}', "quantifier", id="quantifier"),
        pytest.param('{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":"x"}}}', "object", id="condition-shape"),
        pytest.param('{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"a":{}}}}}', "neither", id="condition-value"),
        pytest.param('{"Statement":{"Effect":"Allow","Effect":"Deny","Action":"*","Resource":"*"}}', "duplicate", id="duplicate-key"),
    ],
)  # fmt: skip
def test_malformed_documents_are_refused(text: str, reason: str) -> None:
    """A document that IAM would not accept is a ValueError that says why."""
    with pytest.raises(ValueError, match=reason):
        parse_policy(text)


@given(st.text("ab*?", max_size=12), st.text("ab", max_size=12))
def test_wildcards_agree_with_a_regular_expression(pattern: str, text: str) -> None:
    """The matcher decides like the equivalent regular expression."""
    import re

    expression = "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern)
    assert wildcard_match(pattern, text) == bool(re.fullmatch(expression, text, re.DOTALL))


def test_wildcards_do_not_explode() -> None:
    """A pattern made to backtrack for ever is answered at once."""
    assert not wildcard_match("*a" * 200 + "b", "a" * 2000)


@given(st.text(max_size=30))
def test_text_without_variables_is_unchanged(text: str) -> None:
    """Substitution touches nothing but ``${…}``."""
    if "${" not in text:
        assert substitute(text, {"aws:username": "x"}) == text


@given(st.text(max_size=20), st.text(max_size=20))
def test_a_variable_matches_its_value_and_nothing_else(value: str, other: str) -> None:
    """Whatever a session is called, a pattern of its name matches that name only."""
    pattern = substitute("${k}", {"k": value})
    assert wildcard_match(pattern, value)
    assert wildcard_match(pattern, other) == (other == value)


@given(st.text(max_size=200))
def test_any_text_parses_or_is_a_value_error(text: str) -> None:
    """No input makes the parser fail in another way."""
    with contextlib.suppress(ValueError):
        parse_policy(text)
