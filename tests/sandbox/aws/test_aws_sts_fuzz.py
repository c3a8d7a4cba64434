"""Whatever STS is asked, it answers or refuses; it never fails inside."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eksauth.sandbox.aws.organization import Organization
from eksauth.sandbox.aws.request import RawRequest
from eksauth.sandbox.aws.seed import ACCOUNT, OTHER_ACCOUNT

ACTIONS = [
    "AssumeRole",
    "AssumeRoleWithSAML",
    "AssumeRoleWithWebIdentity",
    "AssumeRoot",
    "GetAccessKeyInfo",
    "GetFederationToken",
    "GetSessionToken",
]
NAMES = [
    "AccessKeyId",
    "DurationSeconds",
    "ExternalId",
    "Name",
    "Policy",
    "PolicyArns.member.1.arn",
    "PrincipalArn",
    "ProviderId",
    "RoleArn",
    "RoleSessionName",
    "SAMLAssertion",
    "SerialNumber",
    "SourceIdentity",
    "Tags.member.1.Key",
    "Tags.member.1.Value",
    "Tags.member.01.Key",
    "Tags.member.x.Key",
    "TargetPrincipal",
    "TaskPolicyArn.arn",
    "TokenCode",
    "TransitiveTagKeys.member.1",
    "WebIdentityToken",
]
LIKELY = [
    f"arn:aws:iam::{ACCOUNT}:role/EksAdmin",
    f"arn:aws:iam::{ACCOUNT}:role/EksReadOnly",
    f"arn:aws:iam::{OTHER_ACCOUNT}:role/partners/PartnerRole",
    f"arn:aws:iam::{ACCOUNT}:saml-provider/x",
    "arn:aws:iam::aws:policy/ReadOnlyAccess",
    "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy",
    OTHER_ACCOUNT,
    "session",
    "900",
    "3600",
    "0",
    '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}',
    '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"${aws:x}*"}}',
    "e30.e30.e30",
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL3gifQ.AAAA",
    "PGEvPg==",
    "123456",
    "aws:x",
    "A" * 30000,
]
VALUES = st.sampled_from(LIKELY) | st.text(st.characters(codec="utf-8"), max_size=80)
ASKED = st.fixed_dictionaries({"Action": st.sampled_from(ACTIONS)}, optional=dict.fromkeys(NAMES, VALUES))


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(asked=ASKED)
def test_parameters(lab: Any, asked: dict[str, str]) -> None:
    """Any mixture of parameters, of a user who may do nearly everything, is answered or refused."""
    lab.cloud.organization = Organization(ACCOUNT, {OTHER_ACCOUNT})
    key = lab.assume(lab.key(), "EksAdmin")
    body = urlencode({"Version": "2011-06-15", **asked}).encode()
    answer = lab.cloud.answer(lab.signed(key, body=body))
    assert answer.status in {200, 400, 403, 501}, answer.body
    assert set(json.loads(answer.body)) <= {"Error", "RequestId", f"{asked['Action']}Response"}


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    method=st.sampled_from(["GET", "POST", "PUT"]),
    query=st.binary(max_size=60),
    body=st.binary(max_size=60),
    action=st.sampled_from([*ACTIONS, "GetCallerIdentity"]),
    place=st.sampled_from(["query", "body", "both", "none"]),
)
def test_unsigned_requests(lab: Any, method: str, query: bytes, body: bytes, action: str, place: str) -> None:
    """Nobody gets anything without a signature, a token or an assertion, wherever the operation is named."""
    named = f"Action={action}&Version=2011-06-15&".encode()
    request = RawRequest(
        method=method,
        path=b"/",
        query=(named if place in {"query", "both"} else b"") + query,
        headers=((b"host", b"127.0.0.1"), (b"content-type", b"application/x-www-form-urlencoded")),
        body=(named if place in {"body", "both"} else b"") + body,
    )
    assert lab.cloud.answer(request).status in {400, 403, 404, 405, 501}
