"""Tokens from GitHub Actions: against a loopback service that answers as the real one does, or fails."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from tests.credentials.loopback_http import Asked, Reply, serving
from tests.credentials.oidc.tokens import NOW, jwt

from eksauth.credentials.config.model import AuthConfig, Place, Provider
from eksauth.credentials.identities.contract import Context
from eksauth.credentials.oidc.github import provider_step
from eksauth.errors import AwsUnreachable, EksauthError

PROVIDER = Provider(name="ci", kind="github/oidc", declared_kind="github/oidc", place=Place("eksauth.yaml", 1, 1))
SECRET = "runner-secret"


def _context(url: str = "", sleep: Callable[[float], None] = lambda _: None, **environ: str) -> Context:
    given = {"ACTIONS_ID_TOKEN_REQUEST_URL": url, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": SECRET, "GITHUB_ACTIONS": "true"}
    return Context(
        config=AuthConfig(), environ={**given, **environ}, region="eu-west-1", clock=lambda: NOW, sleep=sleep
    )


def _token(context: Context) -> str:
    return provider_step(PROVIDER, AuthConfig()).obtain(None, context).unverified_token


def _good(asked: Asked) -> Reply:
    return Reply(body=json.dumps({"value": jwt(), "count": 1}).encode())


def test_a_token_is_asked_for() -> None:
    """The request carries the runner's secret and its own query, and the provider's audience in place of any other."""
    with serving(_good) as service:
        token = _token(_context(f"{service.url}/_apis/token?api-version=2.0&audience=other"))

    assert token == jwt()
    (asked,) = service.asked
    assert asked.path == "/_apis/token?api-version=2.0&audience=sts.amazonaws.com"
    assert asked.headers["authorization"] == f"bearer {SECRET}"


def test_a_ready_token_is_used() -> None:
    """A token in ACTIONS_ID_TOKEN saves the request, and is checked like any other."""
    assert _token(_context(ACTIONS_ID_TOKEN=f"{jwt()}\n")) == jwt()
    with pytest.raises(EksauthError, match="another audience"):
        _token(_context(ACTIONS_ID_TOKEN=jwt(aud="x")))


@pytest.mark.parametrize(
    "failures",
    [
        pytest.param([Reply(503), Reply(500)], id="errors of the service"),
        pytest.param([Reply(429, headers={"Retry-After": "3"})], id="too many requests"),
        pytest.param([Reply(0), Reply(0), Reply(0), Reply(0)], id="broken connections"),
        pytest.param([Reply(body=b"x", headers={"Content-Length": "900"})], id="a cut answer"),
    ],
)
def test_it_tries_again(failures: list[Reply]) -> None:
    """What passes by itself is tried again after a pause, which the service may choose."""
    pauses: list[float] = []
    left = list(failures)

    def answer(asked: Asked) -> Reply:
        return left.pop(0) if left else _good(asked)

    with serving(answer) as service:
        assert _token(_context(service.url, pauses.append)) == jwt()
    assert len(service.asked) == len(failures) + 1
    assert len(pauses) == len(failures)
    if "Retry-After" in failures[0].headers:
        assert pauses == [3.0]


def test_it_gives_up() -> None:
    """A service that stays down is named as the cause after some tries; a long Retry-After does not hang us."""
    pauses: list[float] = []
    with (
        serving(lambda _: Reply(503, headers={"Retry-After": "86400"})) as service,
        pytest.raises(EksauthError) as caught,
    ):
        _token(_context(service.url, pauses.append))
    assert caught.value.code == "oidc.github_busy"
    assert len(service.asked) == 5
    assert max(pauses) <= 20
    with pytest.raises(AwsUnreachable, match=r"cannot reach 127\.0\.0\.1"):
        _token(_context(service.url, pauses.append))


@pytest.mark.parametrize(
    "reply, code",
    [
        pytest.param(Reply(403), "oidc.github_refused", id="refused"),
        pytest.param(Reply(404), "oidc.github_answer", id="not there"),
        pytest.param(Reply(302, headers={"Location": "http://127.0.0.1:1/"}), "oidc.github_answer", id="a redirect"),
        pytest.param(Reply(body=b"<html>"), "oidc.github_answer", id="a login page"),
        pytest.param(Reply(body=b'{"value": 3}'), "oidc.github_answer", id="no text"),
        pytest.param(Reply(body=b"[]"), "oidc.github_answer", id="a list"),
        pytest.param(Reply(body=b'{"value": "hunter2"}'), "oidc.not_a_jwt", id="no token"),
        pytest.param(Reply(body=json.dumps({"value": jwt(aud="x")}).encode()), "oidc.audience", id="another audience"),
        pytest.param(Reply(body=json.dumps({"value": jwt(exp=NOW - 99)}).encode()), "oidc.expired", id="expired"),
    ],
)
def test_answers_that_are_no_token(reply: Reply, code: str) -> None:
    """Each wrong answer has an error of its own, after one request, and shows neither answer nor secret."""
    with serving(lambda _: reply) as service, pytest.raises(EksauthError) as caught:
        _token(_context(service.url))
    assert caught.value.code == code
    assert len(service.asked) == 1
    assert "hunter2" not in str(caught.value)
    assert SECRET not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    "environ, code, says",
    [
        pytest.param({"GITHUB_ACTIONS": ""}, "oidc.not_github", "this is none", id="a laptop"),
        pytest.param({}, "oidc.github_permission", "id-token: write", id="no permission"),
    ],
)
def test_jobs_without_a_token(environ: dict[str, str], code: str, says: str) -> None:
    """Outside of GitHub Actions, and in jobs without the permission, the error says which of the two it is."""
    with pytest.raises(EksauthError) as caught:
        _token(_context("", lambda _: None, **environ))
    assert caught.value.code == code
    assert says in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    "url",
    [
        "http://token.actions.example.com/",
        "ftp://127.0.0.1/",
        "https:///nowhere",
        "https://user@token.example.com/",
        "https://token.example.com:x/",
        "https://127.0.0.1/\n",
        "/relative",
    ],
)
def test_where_the_secret_may_go(url: str) -> None:
    """The runner's secret goes over https, or to this machine, and nowhere else."""
    with pytest.raises(EksauthError) as caught:
        _token(_context(url))
    assert caught.value.code == "oidc.github_url"


def test_jobs_do_not_share_a_cache() -> None:
    """The job's own secret is part of what cached credentials depend on."""
    assert ("env", "ACTIONS_ID_TOKEN_REQUEST_TOKEN") in provider_step(PROVIDER, AuthConfig()).inputs({})
