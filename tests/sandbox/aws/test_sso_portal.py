"""The access portal's API, judged by botocore's model of it; and the AWS CLI with an sso-session."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from hashlib import sha1
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.sandbox.aws.serving import ServedAws
from tests.sandbox.aws.sso_client import SsoClient

MAIN = "111122223333"
PARTNER = "444455556666"
AWS_CLI = Path(sys.executable).with_name("aws")


def refusal(call: Any, **keys: Any) -> tuple[str, str, int]:
    """Return (code, message, status) of a call that is refused."""
    with pytest.raises(ClientError) as caught:
        call(**keys)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["Error"]["Message"], answer["ResponseMetadata"]["HTTPStatusCode"]


UNAUTHORIZED = ("UnauthorizedException", "Session token not found or invalid", 401)
FORBIDDEN = ("ForbiddenException", "No access", 403)


def test_role_credentials_work_everywhere(served: ServedAws) -> None:
    """They are a session of the permission set's reserved role, named after the person, for an hour."""
    token = SsoClient.register(served).sign_in("erik@example.com")["accessToken"]
    sso = served.client("sso")
    found = sso.get_role_credentials(accessToken=token, accountId=MAIN, roleName="ClusterReader")["roleCredentials"]
    keys = {
        "aws_access_key_id": found["accessKeyId"],
        "aws_secret_access_key": found["secretAccessKey"],
        "aws_session_token": found["sessionToken"],
    }
    caller = served.client("sts", **keys).get_caller_identity()
    role_arn = served.portal.role_arn(MAIN, "ClusterReader")
    name = role_arn.rpartition("/")[2]

    assert role_arn.startswith(f"arn:aws:iam::{MAIN}:role/aws-reserved/sso.amazonaws.com/us-west-2/AWSReservedSSO_")
    assert caller["Arn"] == f"arn:aws:sts::{MAIN}:assumed-role/{name}/erik@example.com"
    assert caller["UserId"].endswith(":erik@example.com")
    assert 3590 < found["expiration"] / 1000 - time.time() <= 3600
    assert served.client("eks", **keys).list_clusters()["clusters"] == []
    assert refusal(served.client("iam", "us-east-1", **keys).list_users)[0] == "AccessDenied"


def test_a_permission_set_says_how_long(served: ServedAws) -> None:
    """Data.Engineer lasts two hours."""
    token = SsoClient.register(served).sign_in("erik@example.com")["accessToken"]
    account = next(one.account for one in served.portal.assignments if one.permission_set == "Data.Engineer")
    found = served.client("sso").get_role_credentials(accessToken=token, accountId=account, roleName="Data.Engineer")

    assert 7190 < found["roleCredentials"]["expiration"] / 1000 - time.time() <= 7200


@pytest.mark.parametrize(
    "account,role",
    [
        pytest.param(MAIN, "AdministratorAccess", id="a set of somebody else"),
        pytest.param(PARTNER, "ClusterReader", id="an account of somebody else"),
        pytest.param("999988887777", "ClusterReader", id="no such account"),
        pytest.param(MAIN, "Invented", id="no such set"),
        pytest.param(MAIN, "EksAdmin", id="a role that is no permission set"),
        pytest.param(MAIN, "clusterreader", id="another case"),
    ],
)
def test_what_is_not_assigned_is_forbidden(served: ServedAws, account: str, role: str) -> None:
    """One answer to everything that a person may not have, whether it exists or not."""
    token = SsoClient.register(served).sign_in("erik@example.com")["accessToken"]
    sso = served.client("sso")

    assert refusal(sso.get_role_credentials, accessToken=token, accountId=account, roleName=role) == FORBIDDEN
    if account != MAIN:
        assert refusal(sso.list_account_roles, accessToken=token, accountId=account) == FORBIDDEN


def test_an_assignment_counts_at_once(own_served: ServedAws) -> None:
    """What is assigned can be used, what is taken back cannot; its role stays in IAM."""
    token = SsoClient.register(own_served).sign_in("farah")["accessToken"]
    sso = own_served.client("sso")
    wanted = {"accessToken": token, "accountId": MAIN, "roleName": "Break.Glass"}
    assert sso.list_accounts(accessToken=token)["accountList"] == []
    own_served.control("POST", "sso/permission-sets", {"name": "Break.Glass", "session_seconds": 43200})
    assignment = {"user_name": "farah", "account": MAIN, "permission_set": "Break.Glass"}
    arn = own_served.control("POST", "sso/assignments", assignment)["role_arn"]
    assert "/AWSReservedSSO_Break.Glass_" in arn
    assert sso.get_role_credentials(**wanted)["roleCredentials"]
    own_served.control("DELETE", "sso/assignments", assignment)

    assert refusal(sso.get_role_credentials, **wanted) == FORBIDDEN
    assert own_served.control("POST", "sso/assignments", assignment)["role_arn"] == arn


def test_accounts_come_in_pages(own_served: ServedAws) -> None:
    """Every account exactly once, whatever the size of pages; two share a name."""
    made = own_served.control(
        "POST", "sso/many-accounts", {"count": 130, "user_name": "dana", "permission_set": "ClusterReader"}
    )["accounts"]
    token = SsoClient.register(own_served).sign_in()["accessToken"]
    sso = own_served.client("sso")
    first = sso.list_accounts(accessToken=token)
    assert len(first["accountList"]) == 100
    listings = [
        [one for page in pages for one in page["accountList"]]
        for pages in (
            sso.get_paginator("list_accounts").paginate(accessToken=token, maxResults=size) for size in (7, 100)
        )
    ]
    found = listings[0]
    assert listings[1] == found
    assert len(found) == len({one["accountId"] for one in found}) == 134
    names = [one["accountName"] for one in found]

    assert names.count("sandbox-data") == 2
    assert set(made) < {one["accountId"] for one in found}
    credentials = sso.get_role_credentials(accessToken=token, accountId=made[-1], roleName="ClusterReader")
    assert credentials["roleCredentials"]["accessKeyId"].startswith("ASIA")


def test_accounts_of_many_are_real_accounts(own_served: ServedAws) -> None:
    """Whoever comes first, each permission set has its role in each of them."""
    many = {"count": 2, "user_name": "dana", "permission_set": "ClusterReader"}
    one, two = own_served.control("POST", "sso/many-accounts", many)["accounts"]
    for account in (one, two):
        assignment = {"user_name": "farah", "account": account, "permission_set": "Data.Engineer"}
        assert own_served.control("POST", "sso/assignments", assignment)["role_arn"].startswith(
            f"arn:aws:iam::{account}:"
        )
        for name, wanted in (("dana", "ClusterReader"), ("farah", "Data.Engineer")):
            token = SsoClient.register(own_served).sign_in(name)["accessToken"]
            found = own_served.client("sso").get_role_credentials(accessToken=token, accountId=account, roleName=wanted)
            assert found["roleCredentials"]["secretAccessKey"]


def test_roles_come_in_pages(served: ServedAws) -> None:
    """ListAccountRoles pages as well, and its tokens are no good for another listing."""
    token = SsoClient.register(served).sign_in()["accessToken"]
    sso = served.client("sso")
    first = sso.list_account_roles(accessToken=token, accountId=MAIN, maxResults=1)
    rest = sso.list_account_roles(accessToken=token, accountId=MAIN, nextToken=first["nextToken"])

    assert [one["roleName"] for one in first["roleList"] + rest["roleList"]] == ["AdministratorAccess", "ClusterReader"]
    assert rest.get("nextToken") is None
    wrong = refusal(sso.list_accounts, accessToken=token, nextToken=first["nextToken"])
    assert (wrong[0], wrong[2]) == ("InvalidRequestException", 400)


@pytest.mark.parametrize(
    "path",
    [
        "/assignment/accounts?max_result=0",
        "/assignment/accounts?max_result=101",
        "/assignment/accounts?max_result=many",
        "/assignment/accounts?max_result=9999999999999999999999",
        "/assignment/accounts?next_token=AAAA",
        "/assignment/accounts?next_token=%FF",
        "/assignment/accounts?next_token=a&next_token=b",
        "/assignment/accounts?next_token=%zz",
        "/assignment/roles",
        "/assignment/roles?account_id=12",
        "/assignment/roles?account_id=%D9%A1%D9%A1%D9%A1%D9%A1%D9%A1%D9%A1%D9%A1%D9%A1%D9%A1%D9%A1%D9%A1%D9%A1",
        f"/federation/credentials?account_id={MAIN}",
        f"/federation/credentials?account_id={MAIN}&role_name=",
        "/federation/credentials?role_name=ClusterReader",
    ],
)
def test_a_wrong_parameter_is_an_invalid_request(served: ServedAws, path: str) -> None:
    """Numbers out of range, foreign page tokens, missing accounts: 400 in the portal's shape."""
    token = SsoClient.register(served).sign_in()["accessToken"]
    status, headers, body = served.send("GET", path, headers={"x-amz-sso_bearer_token": token})

    assert (status, headers["x-amzn-errortype"]) == (400, "InvalidRequestException")
    assert json.loads(body)["__type"] == "com.amazonaws.switchboard.portal#InvalidRequestException"


@pytest.mark.parametrize("token", ["", "invented", "ü" * 3, "x" * 5000])
def test_without_a_token_nothing_is_shown(served: ServedAws, token: str) -> None:
    """A missing or invented token is 401 for every operation."""
    for method, path in (
        ("GET", "/assignment/accounts"),
        ("GET", f"/assignment/roles?account_id={MAIN}"),
        ("GET", f"/federation/credentials?account_id={MAIN}&role_name=ClusterReader"),
        ("POST", "/logout"),
    ):
        sent = {"x-amz-sso_bearer_token": token.encode().decode("latin-1")} if token else {}
        status, headers, _ = served.send(method, path, headers=sent)
        assert (status, headers["x-amzn-errortype"]) == (401, "UnauthorizedException")


def test_a_refresh_token_is_no_access_token(served: ServedAws) -> None:
    """The portal takes access tokens only."""
    token = SsoClient.register(served).sign_in()

    assert refusal(served.client("sso").list_accounts, accessToken=token["refreshToken"]) == UNAUTHORIZED


def test_logging_out_revokes_both_tokens(served: ServedAws) -> None:
    """Afterwards nothing works: not the portal, not a refresh, not logging out again. Other sign-ins go on."""
    client = SsoClient.register(served)
    token, other = client.sign_in(), client.sign_in()
    older = token
    token = client.refresh(token)
    sso = served.client("sso")
    sso.logout(accessToken=token["accessToken"])

    for one in (older, token):
        assert refusal(sso.list_accounts, accessToken=one["accessToken"]) == UNAUTHORIZED
    assert refusal(sso.logout, accessToken=token["accessToken"]) == UNAUTHORIZED
    with pytest.raises(client.oidc.exceptions.InvalidGrantException):
        client.refresh(token)
    assert sso.list_accounts(accessToken=other["accessToken"])["accountList"]


def test_role_credentials_outlive_the_log_out(served: ServedAws) -> None:
    """As at AWS: credentials that were given out go on until they expire."""
    token = SsoClient.register(served).sign_in()["accessToken"]
    sso = served.client("sso")
    found = sso.get_role_credentials(accessToken=token, accountId=MAIN, roleName="ClusterReader")["roleCredentials"]
    sso.logout(accessToken=token)
    sts = served.client(
        "sts",
        aws_access_key_id=found["accessKeyId"],
        aws_secret_access_key=found["secretAccessKey"],
        aws_session_token=found["sessionToken"],
    )

    assert sts.get_caller_identity()["Account"] == MAIN


def test_an_access_token_expires(own_served: ServedAws) -> None:
    """After an hour it is 401, and a refresh helps."""
    client = SsoClient.register(own_served)
    token = client.sign_in()
    own_served.control("PUT", "clock", {"offset_seconds": 3600})
    sso = own_served.client("sso")
    assert refusal(sso.list_accounts, accessToken=token["accessToken"]) == UNAUTHORIZED

    assert sso.list_accounts(accessToken=client.refresh(token)["accessToken"])["accountList"]


@pytest.mark.parametrize("what,refreshable", [("access", True), ("refresh", False), ("sign_in", False)])
def test_the_control_api_ends_tokens(own_served: ServedAws, what: str, refreshable: bool) -> None:
    """Access tokens, refresh tokens and whole sign-ins end on order, of one person or of all."""
    client = SsoClient.register(own_served)
    mine, theirs = client.sign_in("dana"), client.sign_in("erik@example.com")
    assert own_served.control("POST", "sso/expire", {"what": what, "user_name": "dana"}) == {"expired": 1}
    sso = own_served.client("sso")
    if what == "refresh":
        assert sso.list_accounts(accessToken=mine["accessToken"])
    else:
        assert refusal(sso.list_accounts, accessToken=mine["accessToken"]) == UNAUTHORIZED
    assert sso.list_accounts(accessToken=theirs["accessToken"])

    if refreshable:
        assert client.refresh(mine)["accessToken"]
    else:
        with pytest.raises(client.oidc.exceptions.InvalidGrantException):
            client.refresh(mine)


def test_an_administrator_ends_a_persons_sessions(own_served: ServedAws) -> None:
    """Revoking is for one person; signing in again works."""
    client = SsoClient.register(own_served)
    tokens = [client.sign_in(), client.sign_in()]
    assert own_served.control("DELETE", "sso/sessions/dana")["revoked"] == 2
    sso = own_served.client("sso")

    for token in tokens:
        assert refusal(sso.list_accounts, accessToken=token["accessToken"]) == UNAUTHORIZED
    assert sso.list_accounts(accessToken=client.sign_in()["accessToken"])


@pytest.mark.parametrize(
    "fault,expected",
    [
        pytest.param({"kind": "throttle"}, ("TooManyRequestsException", "Rate exceeded", 429), id="throttled"),
        pytest.param(
            {"kind": "error", "status": 503, "code": "ServiceUnavailable", "message": "later"},
            ("ServiceUnavailable", "later", 503),
            id="outage",
        ),
    ],
)
def test_faults_hit_the_portal(served: ServedAws, fault: dict[str, Any], expected: tuple[str, str, int]) -> None:
    """An ordered fault hits one operation in the portal's own shape, as often as it was ordered."""
    token = SsoClient.register(served).sign_in()["accessToken"]
    sso = served.client("sso")
    served.control("POST", "faults", {**fault, "action": "ListAccounts"})

    assert refusal(sso.list_accounts, accessToken=token) == expected
    assert sso.list_accounts(accessToken=token)["accountList"]


def test_faults_hit_oidc(served: ServedAws) -> None:
    """Throttling is what the OIDC model has for it; an outage has the OAuth name for it."""
    client = SsoClient.register(served)
    served.control("POST", "faults", {"kind": "throttle", "action": "StartDeviceAuthorization"})
    with pytest.raises(client.oidc.exceptions.SlowDownException):
        client.start()
    served.control("POST", "faults", {"kind": "error", "action": "StartDeviceAuthorization"})
    with pytest.raises(client.oidc.exceptions.InternalServerException) as caught:
        client.start()

    assert caught.value.response["error"] == "server_error"
    assert client.start()["userCode"]


def test_the_log_says_what_was_asked_and_no_secret(own_served: ServedAws) -> None:
    """Services and operations under botocore's names, the person where one is known, and nothing that opens a door."""
    client = SsoClient.register(own_served)
    token = client.refresh(client.sign_in())
    sso = own_served.client("sso")
    found = sso.get_role_credentials(accessToken=token["accessToken"], accountId=MAIN, roleName="ClusterReader")
    own_served.send("GET", "/device?user_code=AAAA-AAAA")
    log = own_served.control("GET", "requests")
    text = json.dumps(log)

    assert [f"{one['service']}:{one['action']}" for one in log["requests"]] == [
        "sso-oidc:RegisterClient",
        "sso-oidc:StartDeviceAuthorization",
        "sso-oidc:CreateToken",
        "sso-oidc:CreateToken",
        "sso:GetRoleCredentials",
        "signin:DevicePage",
    ]
    assert log["requests"][4]["principal"] == "dana"
    for secret in (
        client.proof["clientSecret"],
        token["accessToken"],
        token["refreshToken"],
        found["roleCredentials"]["secretAccessKey"],
        found["roleCredentials"]["sessionToken"],
    ):
        assert secret not in text


@pytest.mark.skipif(not AWS_CLI.exists(), reason="the AWS CLI is not installed")
@pytest.mark.peer
def test_the_aws_cli_uses_the_portal(own_served: ServedAws, home: Path) -> None:
    """A profile with an sso-session: the CLI trades the cached token, refreshes it, and fails once signed out."""
    client = SsoClient.register(own_served)
    token = client.sign_in()
    config = home / "aws-config"
    config.write_text(
        f"[sso-session portal]\nsso_start_url = {own_served.start_url}\nsso_region = us-west-2\n"
        "sso_registration_scopes = sso:account:access\n"
        f"[profile reader]\nsso_session = portal\nsso_account_id = {MAIN}\nsso_role_name = ClusterReader\n"
        "region = us-west-2\n"
    )
    cache = home / ".aws" / "sso" / "cache" / f"{sha1(b'portal', usedforsecurity=False).hexdigest()}.json"
    cache.parent.mkdir(parents=True)

    def remember(token: dict[str, Any], seconds: int) -> None:
        ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
        registered = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(client.registration["clientSecretExpiresAt"]))
        document = {
            "startUrl": own_served.start_url,
            "region": "us-west-2",
            "accessToken": token["accessToken"],
            "expiresAt": ends,
            "refreshToken": token["refreshToken"],
            "registrationExpiresAt": registered,
            **client.proof,
        }
        cache.write_text(json.dumps(document))

    def caller() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [AWS_CLI, "sts", "get-caller-identity", "--profile", "reader", "--output", "json"],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(home),
                "AWS_CONFIG_FILE": str(config),
                "AWS_ENDPOINT_URL": own_served.url,
                "AWS_CA_BUNDLE": str(own_served.ca_file),
                "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_MAX_ATTEMPTS": "1",
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    remember(token, 3600)
    first = caller()
    assert json.loads(first.stdout)["Arn"].endswith("/dana"), first.stderr
    remember(token, -60)
    refreshed = caller()
    assert json.loads(refreshed.stdout)["Arn"].endswith("/dana"), refreshed.stderr
    assert json.loads(cache.read_text())["refreshToken"] != token["refreshToken"]
    own_served.control("DELETE", "sso/sessions/dana")
    last = caller()
    assert last.returncode != 0
    assert "The SSO session associated with this profile has expired or is otherwise invalid" in last.stderr
