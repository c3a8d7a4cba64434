"""STS gives out identities as the real one does, and refuses in its words."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from base64 import b64decode
from dataclasses import replace
from typing import Any

import pytest

from eksauth.aws.access_keys import unverified_account_of
from eksauth.sandbox.aws.mfa import one_time_code
from eksauth.sandbox.aws.request import RawRequest
from eksauth.sandbox.aws.seed import ACCOUNT, CI_EXTERNAL_ID, OTHER_ACCOUNT

FORM = b"Action=GetCallerIdentity&Version=2011-06-15"
NAMESPACE = "{https://sts.amazonaws.com/doc/2011-06-15/}"
INVALID = ("InvalidClientTokenId", "The security token included in the request is invalid.")


def denied(caller: str, role: str) -> tuple[int, tuple[str, str]]:
    """Return the refusal of AssumeRole."""
    return 403, ("AccessDenied", f"User: {caller} is not authorized to perform: sts:AssumeRole on resource: {role}")


def without(request: RawRequest, name: str) -> RawRequest:
    """Return the request without a header."""
    return replace(request, headers=tuple(pair for pair in request.headers if pair[0] != name.encode()))


def test_caller_identity_of_a_user(lab: Any) -> None:
    """A user is its ARN with path, its AIDA id and the account that its key id encodes."""
    status, result = lab.call(lab.key(), "GetCallerIdentity")
    assert status == 200
    assert result["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/team/alice"
    assert result["Account"] == ACCOUNT == unverified_account_of(lab.key().access_key_id)
    assert result["UserId"].startswith("AIDA")
    assert len(result["UserId"]) == 21


def test_caller_identity_of_a_session(lab: Any) -> None:
    """A role session is an assumed-role ARN without the role's path, and the role's id with the session name."""
    key = lab.assume(lab.key(), "PartnerRole", RoleSessionName="me@example.com")
    status, result = lab.call(key, "GetCallerIdentity")
    assert status == 200
    assert result["Arn"] == f"arn:aws:sts::{OTHER_ACCOUNT}:assumed-role/PartnerRole/me@example.com"
    role_id, _, session = result["UserId"].partition(":")
    assert (role_id[:4], session) == ("AROA", "me@example.com")
    assert unverified_account_of(key.access_key_id) == OTHER_ACCOUNT == result["Account"]
    assert key.access_key_id.startswith("ASIA")


def test_xml_unless_json_is_accepted(lab: Any) -> None:
    """The answer is XML for everyone who does not ask for JSON, errors too."""
    request = without(lab.signed(lab.key(), body=FORM), "accept")
    root = ET.fromstring(lab.cloud.answer(request).body)
    assert root.findtext(f"{NAMESPACE}GetCallerIdentityResult/{NAMESPACE}Account") == ACCOUNT
    assert root.findtext(f"{NAMESPACE}ResponseMetadata/{NAMESPACE}RequestId")
    broken = ET.fromstring(lab.cloud.answer(replace(request, body=FORM + b"&x=1")).body)
    assert broken.findtext(f"{NAMESPACE}Error/{NAMESPACE}Code") == "SignatureDoesNotMatch"
    assert broken.findtext(f"{NAMESPACE}Error/{NAMESPACE}Type") == "Sender"


def test_json_has_the_shape_that_verifiers_parse(lab: Any) -> None:
    """With ``Accept: application/json`` the answer has STS's own nesting, errors with a type and a request id."""
    document = json.loads(lab.cloud.answer(lab.presigned(lab.key())).body)
    assert set(document) == {"GetCallerIdentityResponse"}
    assert set(document["GetCallerIdentityResponse"]) == {"GetCallerIdentityResult", "ResponseMetadata"}
    assert set(document["GetCallerIdentityResponse"]["GetCallerIdentityResult"]) == {"Account", "Arn", "UserId"}
    refused = json.loads(lab.cloud.answer(lab.presigned(lab.key(), query="Action=Nothing&Version=2011-06-15")).body)
    assert set(refused) == {"Error", "RequestId"}
    assert refused["Error"]["Type"] == "Sender"


def test_get_with_header_signature(lab: Any) -> None:
    """GetCallerIdentity by GET with an Authorization header works like the form."""
    assert lab.outcome(lab.signed(lab.key(), method="GET", query=FORM.decode()))[0] == 200


@pytest.mark.parametrize(
    "case", ["unknown", "no-account", "other-partition", "long-term-with-token", "session-without-token", "wrong-token"]
)
def test_keys_that_are_not_good(lab: Any, case: str) -> None:
    """Whatever is wrong with a key, the answer is the same."""
    session = lab.assume(lab.key(), "EksAdmin")
    other = lab.assume(lab.key(), "EksAdmin")
    request = {
        "unknown": lambda: lab.presigned(replace(lab.key(), access_key_id="AKIARTX3GSDSAAAAAAAA")),
        "no-account": lambda: lab.presigned(replace(lab.key(), access_key_id="AKIAIOSFODNN7EXAMPLE")),
        "other-partition": lambda: lab.presigned(
            lab.key(), host="sts.cn-north-1.amazonaws.com.cn", region="cn-north-1"
        ),
        "long-term-with-token": lambda: lab.presigned(replace(lab.key(), session_token="stale")),
        "session-without-token": lambda: lab.presigned(replace(session, session_token=None)),
        "wrong-token": lambda: lab.presigned(replace(session, session_token=other.session_token)),
    }[case]()
    assert lab.outcome(request) == (403, INVALID)


def test_deactivated_key(own_lab: Any) -> None:
    """A key that IAM switched off is refused like an unknown one, and works again when switched on."""
    admin, bob = own_lab.assume(own_lab.key(), "EksAdmin"), own_lab.key("bob")
    for status, expected in (("Inactive", 403), ("Active", 200)):
        answer = own_lab.iam(admin, "UpdateAccessKey", UserName="bob", AccessKeyId=bob.access_key_id, Status=status)
        assert answer.status == 200
        assert own_lab.call(bob, "GetCallerIdentity")[0] == expected


def test_deleted_key_and_user(own_lab: Any) -> None:
    """A deleted key is gone at once."""
    admin, bob = own_lab.assume(own_lab.key(), "EksAdmin"), own_lab.key("bob")
    assert own_lab.iam(admin, "DeleteAccessKey", UserName="bob", AccessKeyId=bob.access_key_id).status == 200
    assert own_lab.call(bob, "GetCallerIdentity") == (403, INVALID)


def test_expired_session(own_lab: Any) -> None:
    """A session past its end is told so; its keys never work again."""
    key = own_lab.assume(own_lab.key(), "EksAdmin", DurationSeconds="900")
    own_lab.cloud.sessions.expire(key.access_key_id, own_lab.cloud.now())
    assert own_lab.call(key, "GetCallerIdentity") == (
        403,
        ("ExpiredToken", "The security token included in the request is expired"),
    )
    assert own_lab.eks(key, "/clusters")[::2] == (403, "ExpiredTokenException")


@pytest.mark.parametrize(
    "user, role, extra, allowed",
    [
        pytest.param("alice", "EksAdmin", {}, True, id="account-trusted-and-identity-allows"),
        pytest.param("bob", "EksAdmin", {}, False, id="account-trusted-but-identity-silent"),
        pytest.param("bob", "EksReadOnly", {}, True, id="named-in-the-trust-policy"),
        pytest.param("alice", "CICDRole", {}, False, id="external-id-missing"),
        pytest.param("alice", "CICDRole", {"ExternalId": "wrong"}, False, id="external-id-wrong"),
        pytest.param("alice", "CICDRole", {"ExternalId": CI_EXTERNAL_ID}, True, id="external-id-right"),
        pytest.param("alice", "PartnerRole", {}, True, id="cross-account-both-sides"),
        pytest.param("bob", "PartnerRole", {}, False, id="cross-account-trust-only"),
        pytest.param("carol", "EksReadOnly", {}, False, id="cross-account-identity-only"),
        pytest.param("carol", "PartnerRole", {}, False, id="not-trusted-in-own-account"),
    ],
)
def test_assume_role(lab: Any, user: str, role: str, extra: dict[str, str], allowed: bool) -> None:
    """Trust and identity policies decide, and the refusal has AWS's words."""
    arn = lab.seed.roles[role].arn
    status, result = lab.call(lab.key(user), "AssumeRole", RoleArn=arn, RoleSessionName="test", **extra)
    if allowed:
        assert status == 200
    else:
        assert (status, result) == denied(lab.seed.users[user].arn, arn)


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:iam::{ACCOUNT}:role/Nobody",
        f"arn:aws:iam::{ACCOUNT}:role/path/EksAdmin",
        "arn:aws:iam::999988887777:role/EksAdmin",
        f"arn:aws:iam::{OTHER_ACCOUNT}:role/PartnerRole",
        f"arn:aws-cn:iam::{ACCOUNT}:role/EksAdmin",
    ],
    ids=["no-role", "wrong-path", "no-account", "path-left-out", "partition"],
)
def test_roles_that_do_not_exist_look_like_roles_that_refuse(lab: Any, arn: str) -> None:
    """STS does not tell an absent role from one that says no."""
    assert lab.call(lab.key(), "AssumeRole", RoleArn=arn, RoleSessionName="test") == denied(
        lab.seed.users["alice"].arn, arn
    )


@pytest.mark.parametrize(
    "parameters, code, text",
    [
        ({"RoleArn": None}, "ValidationError", "Value null at 'roleArn'"),
        ({"RoleArn": "short"}, "ValidationError", "length greater than or equal to 20"),
        ({"RoleArn": f"arn:aws:iam::{ACCOUNT}:user/team/alice"}, "ValidationError", "is invalid"),
        ({"RoleArn": f"arn:aws:sts::{ACCOUNT}:assumed-role/EksAdmin/x"}, "ValidationError", "is invalid"),
        ({"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/EksAdmin\n"}, "ValidationError", "is invalid"),
        ({"RoleArn": "a" * 3000}, "ValidationError", "length less than or equal to 2048"),
        ({"RoleSessionName": None}, "ValidationError", "Value null at 'roleSessionName'"),
        ({"RoleSessionName": "x"}, "ValidationError", "length greater than or equal to 2"),
        ({"RoleSessionName": "x" * 65}, "ValidationError", "length less than or equal to 64"),
        ({"RoleSessionName": "a b"}, "ValidationError", r"pattern: [\w+=,.@-]*"),
        ({"RoleSessionName": "naïve"}, "ValidationError", "pattern"),
        ({"RoleSessionName": "ab\n"}, "ValidationError", "pattern"),
        ({"DurationSeconds": "899"}, "ValidationError", "greater than or equal to 900"),
        ({"DurationSeconds": "43201"}, "ValidationError", "less than or equal to 43200"),
        ({"DurationSeconds": "-1"}, "MalformedInput", "not a number"),
        ({"DurationSeconds": "1e3"}, "MalformedInput", "not a number"),
        ({"DurationSeconds": "9" * 5000}, "MalformedInput", "not a number"),
        ({"ExternalId": "x"}, "ValidationError", "length greater than or equal to 2"),
        ({"ExternalId": "a b"}, "ValidationError", "pattern"),
        ({"ExternalId": "x" * 1225}, "ValidationError", "less than or equal to 1224"),
        ({"Policy": "{"}, "MalformedPolicyDocument", "JSON"),
        ({"Policy": " " * 2049}, "PackedPolicyTooLarge", "2048"),
        ({"ProvidedContexts.member.1.ProviderArn": "a"}, "NotImplemented", "ProvidedContexts"),
        ({"PolicyArns.member.1.arn": "arn:aws:iam::aws:policy/Nothing"}, "ValidationError", "names no policy"),
    ],
    ids=str,
)
def test_assume_role_parameters(lab: Any, parameters: dict[str, str | None], code: str, text: str) -> None:
    """Each parameter is checked against its documented limits."""
    wanted = {"RoleArn": lab.seed.roles["EksAdmin"].arn, "RoleSessionName": "test", **parameters}
    status, (found, message) = lab.call(lab.key(), "AssumeRole", **{k: v for k, v in wanted.items() if v is not None})
    assert found == code
    assert text in message
    assert status == (501 if code == "NotImplemented" else 400)


def test_durations(lab: Any) -> None:
    """Sessions last an hour unless asked otherwise, at most as long as the role allows, one hour when chained."""
    alice, readonly, admin = lab.key(), lab.seed.roles["EksReadOnly"].arn, lab.seed.roles["EksAdmin"].arn

    def life(key: Any, arn: str, **extra: str) -> Any:
        before = lab.cloud.now()
        status, result = lab.call(key, "AssumeRole", RoleArn=arn, RoleSessionName="test", **extra)
        return round(result["Credentials"]["Expiration"] - before) if status == 200 else result[1]

    assert life(alice, admin) == 3600
    assert life(alice, admin, DurationSeconds="900") == 900
    assert life(alice, admin, DurationSeconds="43200") == 43200
    assert "MaxSessionDuration set for this role" in life(alice, readonly, DurationSeconds="3601")
    chained = lab.assume(alice, "EksAdmin")
    assert life(chained, admin) == 3600
    assert "role chaining" in life(chained, admin, DurationSeconds="3601")


def test_session_policy_limits(lab: Any) -> None:
    """A session policy takes rights away and never adds any."""
    policy = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"eks:ListClusters","Resource":"*"}}'
    key = lab.assume(lab.key(), "EksAdmin", Policy=policy)
    assert lab.eks(key, "/clusters")[0] == 200
    status, document, _ = lab.eks(key, "/clusters/demo")
    assert status == 403
    assert document["message"].endswith("because no session policy allows the eks:DescribeCluster action")
    wide = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'
    reader = lab.assume(lab.key("bob"), "EksReadOnly", Policy=wide)
    assert lab.iam(reader, "DeleteUser", UserName="alice").status == 403


def test_managed_session_policy(lab: Any) -> None:
    """PolicyArns name managed policies that limit the session."""
    key = lab.assume(lab.key(), "EksAdmin", **{"PolicyArns.member.1.arn": "arn:aws:iam::aws:policy/IAMReadOnlyAccess"})
    assert lab.iam(key, "ListUsers").status == 200
    assert lab.eks(key, "/clusters")[0] == 403


def test_permissions_boundary(own_lab: Any) -> None:
    """A role's permissions boundary limits its sessions and is named in the refusal."""
    admin = own_lab.assume(own_lab.key(), "EksAdmin")
    boundary = "arn:aws:iam::aws:policy/IAMReadOnlyAccess"
    answer = own_lab.iam(admin, "PutRolePermissionsBoundary", RoleName="EksReadOnly", PermissionsBoundary=boundary)
    assert answer.status == 200
    status, document, _ = own_lab.eks(own_lab.assume(own_lab.key("bob"), "EksReadOnly"), "/clusters")
    assert status == 403
    assert "no permissions boundary allows" in document["message"]


def test_identity_deny_wins(own_lab: Any) -> None:
    """An explicit deny in the caller's policies refuses even a role that names the caller."""
    admin = own_lab.assume(own_lab.key(), "EksAdmin")
    policy = '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"sts:*","Resource":"*"}}'
    assert own_lab.iam(admin, "PutUserPolicy", UserName="bob", PolicyName="no", PolicyDocument=policy).status == 200
    arn = own_lab.seed.roles["EksReadOnly"].arn
    assert own_lab.call(own_lab.key("bob"), "AssumeRole", RoleArn=arn, RoleSessionName="test")[0] == 403
    # the one action that no policy can take away
    assert own_lab.call(own_lab.key("bob"), "GetCallerIdentity")[0] == 200


def test_trust_policy_conditions_of_the_request(own_lab: Any) -> None:
    """Conditions on session name, principal and source address see the request's own values."""
    admin = own_lab.assume(own_lab.key(), "EksAdmin")
    trust = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": {
                "Effect": "Allow",
                "Principal": {"AWS": ACCOUNT},
                "Action": "sts:AssumeRole",
                "Condition": {
                    "StringEquals": {"sts:RoleSessionName": "${aws:username}"},
                    "ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:user/team/*"},
                    "IpAddress": {"aws:SourceIp": "127.0.0.0/8"},
                },
            },
        }
    )
    answer = own_lab.iam(admin, "UpdateAssumeRolePolicy", RoleName="EksReadOnly", PolicyDocument=trust)
    assert answer.status == 200
    arn = own_lab.seed.roles["EksReadOnly"].arn
    assert own_lab.call(own_lab.key(), "AssumeRole", RoleArn=arn, RoleSessionName="alice")[0] == 200
    assert own_lab.call(own_lab.key(), "AssumeRole", RoleArn=arn, RoleSessionName="mallory")[0] == 403
    assert own_lab.call(admin, "AssumeRole", RoleArn=arn, RoleSessionName="EksAdmin")[0] == 403


def test_mfa(own_lab: Any) -> None:
    """A role that wants a second factor is reached with a valid one-time code, and with a session made with one."""
    admin = own_lab.assume(own_lab.key(), "EksAdmin")
    created = own_lab.iam(admin, "CreateVirtualMFADevice", VirtualMFADeviceName="alice")
    assert created.status == 200
    seed_text = ET.fromstring(created.body).findtext(".//{*}Base32StringSeed") or ""
    seed = b64decode(seed_text).decode()
    serial = f"arn:aws:iam::{ACCOUNT}:mfa/alice"
    enabled = own_lab.iam(
        admin,
        "EnableMFADevice",
        UserName="alice",
        SerialNumber=serial,
        AuthenticationCode1="111111",
        AuthenticationCode2="222222",
    )
    assert enabled.status == 200
    trust = (
        '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"111122223333"},'
        '"Action":"sts:AssumeRole","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}}'
    )
    assert own_lab.iam(admin, "UpdateAssumeRolePolicy", RoleName="EksAdmin", PolicyDocument=trust).status == 200
    arn, alice = own_lab.seed.roles["EksAdmin"].arn, own_lab.key()
    code = one_time_code(seed, now=own_lab.cloud.now())
    wrong = f"{(int(code) + 500_000) % 1_000_000:06d}"
    ask = {"RoleArn": arn, "RoleSessionName": "test"}
    assert own_lab.call(alice, "AssumeRole", **ask) == denied(own_lab.seed.users["alice"].arn, arn)
    assert own_lab.call(alice, "AssumeRole", **ask, SerialNumber=serial)[0] == 403
    refused = own_lab.call(alice, "AssumeRole", **ask, SerialNumber=serial, TokenCode=wrong)
    assert "invalid MFA one time pass code" in refused[1][1]
    assert own_lab.call(alice, "AssumeRole", **ask, SerialNumber=serial, TokenCode=code)[0] == 200
    status, result = own_lab.call(alice, "GetSessionToken", SerialNumber=serial, TokenCode=code)
    assert status == 200
    found = result["Credentials"]
    session = replace(
        alice,
        access_key_id=found["AccessKeyId"],
        secret_access_key=found["SecretAccessKey"],
        session_token=found["SessionToken"],
    )
    assert own_lab.call(session, "AssumeRole", **ask)[0] == 200


def test_one_time_codes_follow_the_rfc() -> None:
    """The codes of RFC 6238 appendix B (SHA-1, last six digits)."""
    seed = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    codes = [one_time_code(seed, now=at) for at in (59, 1111111109, 1234567890, 20000000000)]
    assert codes == ["287082", "081804", "005924", "353130"]


def test_session_token(lab: Any) -> None:
    """GetSessionToken keeps the user's identity, and a session cannot make another."""
    status, result = lab.call(lab.key(), "GetSessionToken", DurationSeconds="900")
    assert status == 200
    found = result["Credentials"]
    key = replace(
        lab.key(),
        access_key_id=found["AccessKeyId"],
        secret_access_key=found["SecretAccessKey"],
        session_token=found["SessionToken"],
    )
    assert lab.call(key, "GetCallerIdentity")[1]["Arn"] == lab.seed.users["alice"].arn
    assert lab.call(key, "GetSessionToken")[1] == (
        "AccessDenied",
        "Cannot call GetSessionToken with session credentials",
    )


def test_access_key_info(lab: Any) -> None:
    """GetAccessKeyInfo reads the account out of any key id, when allowed to."""
    admin = lab.assume(lab.key(), "EksAdmin")
    carol = lab.key("carol").access_key_id
    assert lab.call(admin, "GetAccessKeyInfo", AccessKeyId=carol) == (200, {"Account": OTHER_ACCOUNT})
    assert lab.call(admin, "GetAccessKeyInfo", AccessKeyId="AIDA")[0] == 400
    assert lab.call(lab.key("bob"), "GetAccessKeyInfo", AccessKeyId=carol)[0] == 403


def test_what_is_not_there_says_so(lab: Any) -> None:
    """Operations that the sandbox lacks are refused as such; invented ones as unknown."""
    assert lab.call(lab.key(), "DecodeAuthorizationMessage", EncodedMessage="x")[0] == 501
    assert lab.call(lab.key(), "MakeMeRoot")[1][0] == "InvalidAction"


def test_a_role_made_anew_is_another_role(own_lab: Any) -> None:
    """Sessions of a deleted role keep their name and lose their rights, also when a role of that name comes back."""
    admin = own_lab.assume(own_lab.key(), "EksAdmin")
    session = own_lab.assume(own_lab.key("bob"), "EksReadOnly")
    assert own_lab.eks(session, "/clusters")[0] == 200
    own_lab.iam(admin, "DeleteRolePolicy", RoleName="EksReadOnly", PolicyName="sandbox")
    arn = "arn:aws:iam::aws:policy/IAMReadOnlyAccess"
    own_lab.iam(admin, "DetachRolePolicy", RoleName="EksReadOnly", PolicyArn=arn)
    assert own_lab.iam(admin, "DeleteRole", RoleName="EksReadOnly").status == 200
    assert own_lab.eks(session, "/clusters")[0] == 403
    assert own_lab.call(session, "GetCallerIdentity")[0] == 200


def test_many_sessions_do_not_pile_up(lab: Any) -> None:
    """Every session is its own: ids, secrets and tokens never repeat."""
    keys = [lab.assume(lab.key(), "EksAdmin") for _ in range(20)]
    assert len({key.access_key_id for key in keys}) == 20
    assert len({key.secret_access_key for key in keys}) == 20
    assert len({key.session_token for key in keys}) == 20
