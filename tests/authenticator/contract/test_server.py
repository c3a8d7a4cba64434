"""Behaviours of the reference's server, by the ids of ``docs/reference/compatibility.md``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.authenticator.backends.test_chain import chain
from tests.authenticator.mapping.callers import A, aws_auth, identity, mounted, role
from tests.authenticator.mapping.test_vectors import decide
from tests.authenticator.serving import ACCOUNT, KEY, SESSION, USER, Sts, mint, serving

from eksauth.authenticator.config import parse_server_config
from eksauth.authenticator.decide import build_authenticator
from eksauth.authenticator.identity import CallerIdentity
from eksauth.authenticator.mapping.templates import instance_id_of
from eksauth.authenticator.sts.client import StsRefused, StsUnavailable

NODE = CallerIdentity(
    ACCOUNT, f"arn:aws:sts::{ACCOUNT}:assumed-role/Node/i-0123456789abcdef0", "AROAEXAMPLE:i-0123456789abcdef0"
)
LATENCY = "aws_iam_authenticator_authenticate_latency_seconds_count"


def configured(**server: object) -> str:
    """Return a configuration."""
    return json.dumps({"clusterID": "demo", "server": server})


@pytest.mark.parametrize(
    "username, refused",
    [
        pytest.param("system:masters", True, id="SRV-01-system"),
        pytest.param("test", False, id="SRV-01-other"),
        pytest.param("eksb:x", False, id="SRV-01-longer"),
        pytest.param("eks:x", True, id="SRV-01-eks"),
    ],
)
async def test_reserved_prefixes(username: str, refused: bool) -> None:
    """User names that begin with a reserved prefix are refused, whatever groups say."""
    backend = mounted(mapRoles=role(f"arn:aws:iam::{A}:role/CICDRole", username))
    decision = await decide(backend, identity(), reserved_prefixes={"MountedFile": ("system:", "eks:")})
    assert decision.allowed is not refused


@pytest.mark.parametrize(
    "prefixes, allowed",
    [
        pytest.param({"CRD": ("ci",)}, False, id="CRD-02"),
        pytest.param({}, True, id="CRD-03"),
        pytest.param({"EKSConfigMap": ("ci",)}, True, id="CRD-03-of-another-backend"),
    ],
)
async def test_reserved_prefixes_of_custom_resources(prefixes: dict[str, tuple[str, ...]], allowed: bool) -> None:
    """Prefixes belong to the backend that answers, and there are none by default."""
    asked = chain(("CRD", aws_auth(mapRoles=role(f"arn:aws:iam::{A}:role/CICDRole"))))
    assert (await decide(asked, identity(), reserved_prefixes=prefixes)).allowed is allowed


@pytest.mark.parametrize(
    "method, body, status",
    [
        pytest.param("GET", b"", 405, id="SRV-02"),
        pytest.param("POST", b"", 400, id="SRV-03"),
        pytest.param("POST", b"not json", 400, id="SRV-04"),
    ],
)
async def test_what_is_no_question(tmp_path: Path, method: str, body: bytes, status: int) -> None:
    """It has its status, and counts as malformed."""
    async with serving(tmp_path) as running:
        async with running.client.request(method, running.at("/authenticate"), data=body) as reply:
            assert reply.status == status
        assert await running.metric(LATENCY, result="malformed_request") == 1


async def test_scrubbed_accounts(tmp_path: Path) -> None:
    """SRV-05: identities of scrubbed accounts have a uid of their user name, and no extra."""
    config = configured(scrubbedAccounts=[ACCOUNT], mapAccounts=[ACCOUNT])
    async with serving(tmp_path, Sts(USER), config=config) as running:
        _, answer = await running.review(mint())
    assert answer["status"]["user"] == {
        "username": USER.arn,
        "uid": f"aws-iam-authenticator:administrative:{USER.arn}",
    }


@pytest.mark.parametrize(
    "token, sts, status, label",
    [
        pytest.param("nonsense", Sts(), 200, "invalid_token", id="SRV-06"),
        pytest.param(None, Sts(StsUnavailable("slow", code="sts.throttled")), 429, "sts_throttling", id="SRV-07"),
        pytest.param(None, Sts(StsRefused("no", code="sts.signature_mismatch")), 200, "sts_error", id="SRV-08"),
        pytest.param(None, Sts(StsUnavailable("gone", code="sts.unreachable")), 504, "sts_error", id="SRV-08-outage"),
        pytest.param(None, Sts(USER), 200, "uknown_user", id="SRV-09"),
    ],
)
async def test_refusals(tmp_path: Path, token: str | None, sts: Sts, status: int, label: str) -> None:
    """Each is counted under the reference's name; final ones are a clean no."""
    async with serving(tmp_path, sts) as running:
        code, answer = await running.review(token or mint())
        assert code == status
        assert (answer["status"] == {"authenticated": False}) is (status == 200)
        assert await running.metric(LATENCY, result=label) == 1


@pytest.mark.parametrize(
    "caller, server, username, groups",
    [
        pytest.param(SESSION, {"mapRoles": [{"rolearn": f"arn:aws:iam::{ACCOUNT}:role/Admin", "username": "u", "groups": ["g"]}]}, "u", ["g"], id="SRV-10"),
        pytest.param(USER, {"mapUsers": [{"userarn": USER.arn, "username": "bob", "groups": ["g"]}]}, "bob", ["g"], id="SRV-11"),
        pytest.param(USER, {"mapAccounts": [ACCOUNT]}, USER.arn, None, id="SRV-12"),
        pytest.param(SESSION, {"mapAccounts": [ACCOUNT]}, f"arn:aws:iam::{ACCOUNT}:role/Admin", None, id="SRV-13"),
        pytest.param(NODE, {"mapRoles": [{"rolearn": f"arn:aws:iam::{ACCOUNT}:role/Node", "username": "system:node:{{EC2PrivateDNSName}}", "groups": ["system:nodes"]}]}, "system:node:ip-10-0-0-1", ["system:nodes"], id="SRV-14"),
    ],
)  # fmt: skip
async def test_grants(
    tmp_path: Path, caller: CallerIdentity, server: dict[str, object], username: str, groups: list[str] | None
) -> None:
    """The answer has name, groups, uid and the six extras."""

    async def find(instance_id: str) -> str:
        assert instance_id == "i-0123456789abcdef0"
        return "ip-10-0-0-1"

    async with serving(tmp_path, Sts(caller), config=configured(**server), private_dns_name=find) as running:
        status, answer = await running.review(mint())
        assert await running.metric(LATENCY, result="success") == 1
    user, unique = answer["status"]["user"], caller.user_id.split(":")[0]
    assert (status, user["username"], user.get("groups")) == (200, username, groups)
    assert user["uid"] == f"aws-iam-authenticator:{ACCOUNT}:{unique}"
    assert user["extra"]["arn"] == [caller.arn]
    assert user["extra"]["accessKeyId"] == [KEY]
    assert user["extra"]["principalId"] == user["extra"]["sigs.k8s.io/aws-iam-authenticator/principalId"] == [unique]
    assert len(user["extra"]) == 6


async def test_the_next_backend_is_asked(tmp_path: Path) -> None:
    """SRV-15: where the first backend is empty, the account list of the second lets somebody in."""
    asked = chain(("CRD", aws_auth()), ("MountedFile", mounted(mapAccounts=f"- '{A}'\n")))
    decision = await decide(asked, identity())
    assert decision.user is not None
    assert decision.user.username == f"arn:aws:iam::{A}:role/CICDRole"


def test_the_order_of_backends_is_kept() -> None:
    """SRV-16: the list is the order in which they are asked."""
    for modes in ("DynamicFile,MountedFile", "MountedFile,DynamicFile"):
        text = configured(backendMode=modes.split(","), dynamicfilepath="/d.json")
        assert ",".join(parse_server_config(text, "s.yaml").backend_modes) == modes


def test_half_an_instance_id() -> None:
    """TPL-01: a session that is no instance id has no name in EC2."""
    assert instance_id_of("i-0123") is None


async def test_a_session_that_is_no_instance() -> None:
    """TPL-01: the login fails, and no other backend is asked."""
    node = role(f"arn:aws:iam::{A}:role/CICDRole", '"{{EC2PrivateDNSName}}"')
    asked = chain(("EKSConfigMap", aws_auth(mapRoles=node)), ("MountedFile", mounted(mapAccounts=f"- '{A}'\n")))
    decision = await decide(asked, identity())
    assert (decision.allowed, decision.reason) == (False, "mapping.template_failed")


def test_a_cluster_must_be_named() -> None:
    """Nothing starts without a cluster id, as in the reference."""
    with pytest.raises(Exception, match="no cluster id"):
        build_authenticator(parse_server_config("server: {}\n", "s.yaml"), Sts())
