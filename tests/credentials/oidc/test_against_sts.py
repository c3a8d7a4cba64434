"""OIDC tokens of a CI issuer become roles at an STS that verifies them, and refusals say what to look at."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.credentials.federation_kit import Room, room_in
from tests.sandbox.aws.serving import ServedAws, serve_aws

from eksauth.credentials.config.model import AuthConfig
from eksauth.credentials.identities.contract import Context, WebIdentity
from eksauth.credentials.identities.role_call import RoleCall
from eksauth.credentials.model import Credentials
from eksauth.credentials.oidc.exchange import assume_with_web_identity
from eksauth.errors import EksauthError
from eksauth.sandbox.aws.seed import ACCOUNT

BY_VARIABLE = "{kind: oidc/token, spec: {token: {env: MY_TOKEN}}}"
GITHUB = "{kind: github/oidc, region: us-west-2}"
NO_ROLE = f"arn:aws:iam::{ACCOUNT}:role/Absent"


@pytest.fixture(name="aws", scope="module")
def aws_(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedAws]:
    """Run one endpoint for this module."""
    with serve_aws(tmp_path_factory.mktemp("aws") / "ca.pem") as served:
        yield served


@pytest.fixture(name="room")
def room_(aws: ServedAws, home: Path) -> Iterator[Room]:
    """Return a room on that endpoint."""
    with room_in(aws, home) as room:
        yield room


@pytest.fixture(name="job")
def job_(room: Room, monkeypatch: pytest.MonkeyPatch) -> Room:
    """Return the room, as a job of GitHub Actions sees it."""
    for name, value in room.aws.control("GET", "ci")["environment"].items():
        monkeypatch.setenv(name, value)
    return room


def _token(room: Room, platform: str = "gitlab", **more: object) -> str:
    return str(
        room.aws.control("POST", "ci/tokens", {"platform": platform, "audience": "sts.amazonaws.com", **more})["token"]
    )


def test_github_actions(job: Room) -> None:
    """A job of the trusted branch becomes the role; its subject names the session."""
    job.write(("deploy", job.seeded.ci.github_role_arn), provider=GITHUB)

    session = job.be("deploy")

    assert job.who(session) == f"arn:aws:sts::{ACCOUNT}:assumed-role/GitHubDeploy/repo-acme-shop-ref-refs-heads-main"
    assert session.account == ACCOUNT
    assert session.chain == ("up", "deploy")
    assert 3500 < (session.credentials.expires_at or 0) - time.time() <= 3600


def test_a_job_asks_once(job: Room) -> None:
    """The role's credentials are cached for the job, and not for another one on the same machine."""
    job.write(("deploy", job.seeded.ci.github_role_arn), provider=GITHUB)
    first = job.be("deploy").credentials.access_key_id

    assert job.be("deploy").credentials.access_key_id == first
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "another job's")
        with pytest.raises(EksauthError) as caught:
            job.be("deploy")
    assert caught.value.code == "oidc.github_refused"


@pytest.mark.parametrize("way", ["file", "env", "command"])
def test_tokens_of_other_services(room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """A token in a file, in a variable or printed by a command becomes the role that trusts its issuer."""
    token = _token(room)
    (tmp_path / "token").write_text(f"{token}\n")
    monkeypatch.setenv("MY_TOKEN", token)
    source = {"file": tmp_path / "token", "env": "MY_TOKEN", "command": f"[cat, '{tmp_path}/token']"}[way]
    room.write(
        ("deploy", room.seeded.ci.gitlab_role_arn),
        provider=f"{{kind: oidc/token, spec: {{token: {{{way}: {source}}}}}}}",
    )

    assert "assumed-role/GitLabDeploy/" in room.who(room.be("deploy"))


def test_a_chain_goes_on(job: Room) -> None:
    """The role of a token assumes another role, with a session name that says where it came from."""
    end = job.trust(
        "AfterGitHub",
        {"Effect": "Allow", "Principal": {"AWS": job.seeded.ci.github_role_arn}, "Action": "sts:AssumeRole"},
    )
    job.write_text(
        "auth:\n  providers:\n    up: {kind: github/oidc}\n  identities:\n"
        f"    deploy: {{kind: aws/assume-role, via: {{provider: up}}, principal: {{assume_role: '{job.seeded.ci.github_role_arn}'}}}}\n"
        f"    after: {{kind: aws/assume-role, via: {{identity: deploy}}, principal: {{assume_role: '{end}'}}}}\n"
    )

    assert job.who(job.be("after")).endswith("assumed-role/AfterGitHub/repo-acme-shop-ref-refs-heads-main")


def test_duration_policy_and_name_go_along(job: Room) -> None:
    """What the identity asks for is what STS is asked for."""
    job.write_text(
        "auth:\n  providers:\n    up: {kind: github/oidc}\n  identities:\n    deploy:\n      kind: aws/assume-role\n"
        "      via: {provider: up}\n      principal:\n"
        f"        assume_role: {job.seeded.ci.github_role_arn}\n        session_name: build-7\n        duration: 15m\n"
        '        policy: \'{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}\'\n'
    )
    session = job.be("deploy")

    assert 800 < (session.credentials.expires_at or 0) - time.time() <= 900
    assert job.who(session).endswith("/build-7")


def test_the_trust_policy_decides(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal shows issuer, subject and audience of the token, the conditions to compare, and never the token."""
    token = _token(room, claims={"sub": "project_path:acme/other:ref_type:branch:ref:main"})
    monkeypatch.setenv("MY_TOKEN", token)
    room.write(("deploy", room.seeded.ci.gitlab_role_arn), provider=BY_VARIABLE)

    with pytest.raises(EksauthError) as caught:
        room.be("deploy")
    assert caught.value.code == "aws.AccessDenied"
    assert "iss https://gitlab.com, sub project_path:acme/other" in str(caught.value)
    assert "gitlab.com:sub and gitlab.com:aud must match" in str(caught.value.hint)
    assert token.split(".")[1] not in f"{caught.value} {caught.value.hint}"


def test_other_refusals(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """An absent role, an unknown issuer, audience or key, and a broken signature are told apart."""
    role, token = room.seeded.ci.gitlab_role_arn, _token(room)
    head, body, signature = token.split(".")
    forged = f"{head}.{body}.{signature[:-6]}AAAAAA"
    cases = [
        (NO_ROLE, token, "sts.amazonaws.com", "aws.AccessDenied", "no such role"),
        (role, _token(room, "circleci"), "sts.amazonaws.com", "oidc.no_provider", "exactly this URL"),
        (role, _token(room, audience="other"), "other", "oidc.audience", "client ids"),
        (role, forged, "sts.amazonaws.com", "oidc.refused", "signature"),
        (
            role.replace(ACCOUNT, "999988887777"),
            token,
            "sts.amazonaws.com",
            "oidc.no_provider",
            "the account of the role",
        ),
    ]
    for arn, given, audience, code, hint in cases:
        monkeypatch.setenv("MY_TOKEN", given)
        room.write(
            ("deploy", arn),
            provider=f"{{kind: oidc/token, spec: {{audience: {audience}, token: {{env: MY_TOKEN}}}}}}",
        )
        with pytest.raises(EksauthError) as caught:
            room.be("deploy", use_cache=False)
        assert (caught.value.code, hint in str(caught.value.hint)) == (code, True), (caught.value, caught.value.hint)
        assert given.split(".")[1] not in f"{caught.value} {caught.value.hint}"


def test_expired_and_foreign_tokens_stay_here(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """What STS could only refuse is refused without asking it."""
    monkeypatch.setenv("MY_TOKEN", _token(room, claims={"exp": int(time.time()) - 600}))
    room.write(("deploy", room.seeded.ci.gitlab_role_arn), provider=BY_VARIABLE)
    log = room.aws.endpoint.cloud.log
    before = log.count("sts:AssumeRoleWithWebIdentity")

    with pytest.raises(EksauthError, match="expired"):
        room.be("deploy")
    monkeypatch.setenv("MY_TOKEN", _token(room, audience="vault"))
    with pytest.raises(EksauthError, match="another audience"):
        room.be("deploy")
    assert log.count("sts:AssumeRoleWithWebIdentity") == before


def test_the_providers_duration(job: Room) -> None:
    """The session's duration may be said at the provider."""
    job.write(("deploy", job.seeded.ci.github_role_arn), provider="{kind: github/oidc, session: {duration: 20m}}")
    assert 1100 < (job.be("deploy").credentials.expires_at or 0) - time.time() <= 1200


def test_too_long_a_session(job: Room) -> None:
    """A duration beyond the role's maximum is told as that."""
    job.write_text(
        "auth:\n  providers:\n    up: {kind: github/oidc}\n  identities:\n    deploy:\n      kind: aws/assume-role\n"
        f"      via: {{provider: up}}\n      principal: {{assume_role: '{job.seeded.ci.github_role_arn}', duration: 12h}}\n"
    )
    with pytest.raises(EksauthError, match="sessions that long") as caught:
        job.be("deploy")
    assert "maximum session duration" in str(caught.value.hint)


def _exchange(room: Room, token: str, pauses: list[float]) -> Credentials:
    role = RoleCall(identity="deploy", arn=room.seeded.ci.gitlab_role_arn, region="us-west-2")
    context = Context(config=AuthConfig(), environ=os.environ, region="us-west-2", sleep=pauses.append)
    return assume_with_web_identity(WebIdentity(token), role, context)


@pytest.mark.parametrize(
    "code, message, tries",
    [
        pytest.param("IDPCommunicationError", "", 2, id="communication"),
        pytest.param(
            "InvalidIdentityToken", "Couldn't retrieve verification key from your identity provider", 1, id="keys"
        ),
    ],
)
def test_an_issuer_that_is_out_of_reach_for_a_moment(room: Room, code: str, message: str, tries: int) -> None:
    """When STS cannot reach the issuer for a moment, it is asked again."""
    fault = {"kind": "error", "count": tries, "action": "AssumeRoleWithWebIdentity", "status": 400, "code": code}
    room.aws.control("POST", "faults", {**fault, "message": message or "out of reach"})
    pauses: list[float] = []

    assert _exchange(room, _token(room), pauses).source == f"role {room.seeded.ci.gitlab_role_arn}"
    assert room.aws.control("GET", "faults") == {"faults": []}
    assert len(pauses) == (1 if message else 0)


def test_keys_that_are_gone(room: Room) -> None:
    """A token whose key the issuer has withdrawn is asked about three times, and then explained."""
    token, pauses = _token(room), list[float]()
    room.aws.control("POST", "ci/rotate", {"keep": False})

    with pytest.raises(EksauthError, match=r"could not get the keys of https://gitlab\.com") as caught:
        _exchange(room, token, pauses)
    assert caught.value.code == "oidc.issuer_unreachable"
    assert len(pauses) == 2
