"""Authentication: static tokens, the token webhook with its cache and retries, anonymity and impersonation."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.sandbox.apiserver_kit import DEFAULT, no, running, webhook, yes

from eksauth.errors import ConfigError
from eksauth.kube.rbac import User
from eksauth.sandbox.apiserver.authn import bearer_token, read_token_file
from eksauth.sandbox.apiserver.webhook import Backoff, TokenWebhook, WebhookError, WebhookOptions
from eksauth.sandbox.apiserver.webhook_config import read_webhook_config

WHOAMI = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
UNAUTHORIZED = {
    "kind": "Status",
    "apiVersion": "v1",
    "metadata": {},
    "status": "Failure",
    "message": "Unauthorized",
    "reason": "Unauthorized",
    "code": 401,
}


class Clock:
    """A clock that only tests move, and a sleep that moves it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def read(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


async def test_webhook_user_reaches_the_api(tmp_path: Path) -> None:
    """A token that the webhook accepts becomes its user, with uid, groups, extras and system:authenticated."""
    extra = {"arn": ["arn:aws:iam::111122223333:role/Admin"], "sessionName": [""]}
    answer = yes("admin", uid="u-1", groups=["viewers"], extra=extra)
    async with (
        webhook(tmp_path, lambda _token: answer) as (hook, kubeconfig),
        running(tmp_path, token_webhook_kubeconfig=kubeconfig) as (api, _),
    ):
        reply = await api("POST", WHOAMI, {}, token="k8s-aws-v1.x")
        assert reply.status == 201
        assert reply.json["status"]["userInfo"] == {
            "username": "admin",
            "uid": "u-1",
            "groups": ["viewers", "system:authenticated"],
            "extra": extra,
        }
        (asked,) = hook.requests
        assert asked["apiVersion"] == "authentication.k8s.io/v1"
        assert asked["spec"] == {"token": "k8s-aws-v1.x", "audiences": ["https://kubernetes.default.svc"]}


async def test_refused_tokens_get_a_bare_401(tmp_path: Path) -> None:
    """Whatever the webhook's reason, the client sees the same Status; a static token never reaches the webhook."""
    answers: dict[str, tuple[int, dict[str, str], Any]] = {
        "clean": no(),
        "error": no("not mapped"),
        "403": (403, {}, {"status": {}}),
        "garbage": (200, {}, b"<html>"),
        "nameless": yes(""),
        "list": (200, {}, []),
    }
    async with (
        webhook(tmp_path, lambda token: answers[token]) as (hook, kubeconfig),
        running(tmp_path, token_webhook_kubeconfig=kubeconfig) as (api, _),
    ):
        for token in answers:
            reply = await api("GET", f"{DEFAULT}/pods", token=token)
            assert (reply.status, reply.json) == (401, UNAUTHORIZED), token
        assert (await api("GET", f"{DEFAULT}/pods")).status == 200
        assert [entry["spec"]["token"] for entry in hook.requests] == list(answers)


@pytest.mark.parametrize("answer, calls", [(yes("a"), 1), (no(), 1), (no("x"), 2), ((403, {}, {}), 2)])
async def test_only_clean_answers_are_cached(
    tmp_path: Path, answer: tuple[int, dict[str, str], Any], calls: int
) -> None:
    """Yes and a clean no are kept for the whole time; errors are asked again at once."""
    clock = Clock()
    async with webhook(tmp_path, lambda _token: answer) as (hook, kubeconfig):
        client = TokenWebhook(read_webhook_config(kubeconfig), sleep=clock.sleep, monotonic=clock.read)
        for clock.now in (0.0, 119.9):
            try:
                await client.authenticate("t")
            except WebhookError:
                assert calls == 2
        assert len(hook.requests) == calls
        clock.now = 120.1
        if calls == 1:
            await client.authenticate("t")
            await client.authenticate("other")
            assert len(hook.requests) == 3
        await client.close()


async def test_cache_is_bounded_and_can_be_off(tmp_path: Path) -> None:
    """The cache forgets the least recently used token, and keeps nothing when its time is 0."""
    async with webhook(tmp_path, yes) as (hook, kubeconfig):
        endpoint = read_webhook_config(kubeconfig)
        small = TokenWebhook(endpoint, WebhookOptions(cache_entries=2))
        for token in ("a", "b", "a", "c", "a", "b"):
            user = await small.authenticate(token)
            assert user is not None
            assert user.name == token
        assert [entry["spec"]["token"] for entry in hook.requests] == ["a", "b", "c", "b"]
        off = TokenWebhook(endpoint, WebhookOptions(cache_seconds=0))
        for _ in range(2):
            await off.authenticate("z")
        assert len(hook.requests) == 6
        await small.close()
        await off.close()


async def test_single_flight_survives_an_impatient_client(tmp_path: Path) -> None:
    """Many requests with one token cost one review, also when the first of them goes away."""
    async with webhook(tmp_path, lambda _token: yes("a")) as (hook, kubeconfig):
        hook.held = asyncio.Event()
        client = TokenWebhook(read_webhook_config(kubeconfig))
        tasks = [asyncio.create_task(client.authenticate("t")) for _ in range(20)]
        while not hook.requests:
            await asyncio.sleep(0.01)
        tasks[0].cancel()
        hook.held.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(results[0], asyncio.CancelledError)
        assert all(result == User("a") for result in results[1:])
        assert len(hook.requests) == 1
        await client.close()


@pytest.mark.parametrize(
    "status, headers, attempts",
    [
        (429, {}, 5),
        (500, {}, 5),
        (504, {}, 5),
        (503, {"Retry-After": "1"}, 5),
        (503, {}, 1),
        (502, {}, 1),
        (403, {}, 1),
        (302, {"Location": "/elsewhere"}, 1),
    ],
)
async def test_retries(tmp_path: Path, status: int, headers: dict[str, str], attempts: int) -> None:
    """Only the statuses that kube-apiserver retries are retried, five times in all, ever more slowly."""
    clock = Clock()
    async with webhook(tmp_path, lambda _token: (status, headers, {})) as (hook, kubeconfig):
        client = TokenWebhook(read_webhook_config(kubeconfig), sleep=clock.sleep)
        with pytest.raises(WebhookError):
            await client.authenticate("t")
        await client.close()
        assert len(hook.requests) == attempts
        assert len(clock.slept) == attempts - 1
        if attempts > 1 and not headers:
            for slept, base in zip(clock.slept, (0.5, 0.75, 1.125, 1.6875), strict=True):
                assert base <= slept <= base * 1.2


async def test_recovery_after_a_retry(tmp_path: Path) -> None:
    """A webhook that recovers within the retries is as good as one that never failed."""
    answers = iter([(500, {}, {}), (429, {}, {}), yes("a")])
    async with webhook(tmp_path, lambda _token: next(answers)) as (_, kubeconfig):
        options = WebhookOptions(backoff=Backoff(seconds=0))
        client = TokenWebhook(read_webhook_config(kubeconfig), options)
        assert await client.authenticate("t") == User("a")
        await client.close()


@pytest.mark.parametrize(
    "audiences, wanted, accepted",
    [
        (None, ("eks",), True),
        (["eks", "other"], ("eks",), True),
        (["other"], ("eks",), False),
        (["other"], (), True),
    ],
)
async def test_audiences(tmp_path: Path, audiences: list[str] | None, wanted: tuple[str, ...], accepted: bool) -> None:
    """Audiences must meet ours; a webhook that names none is taken to mean ours."""
    answer = yes("a")
    if audiences is not None:
        answer[2]["status"]["audiences"] = audiences
    async with webhook(tmp_path, lambda _token: answer) as (hook, kubeconfig):
        client = TokenWebhook(read_webhook_config(kubeconfig), WebhookOptions(audiences=wanted))
        assert (await client.authenticate("t") is not None) is accepted
        assert hook.requests[0]["spec"].get("audiences", []) == list(wanted)
        await client.close()


@pytest.mark.parametrize("version, answered, good", [("v1beta1", "v1beta1", True), ("v1", "v1beta1", False)])
async def test_review_versions(tmp_path: Path, version: str, answered: str, good: bool) -> None:
    """The webhook is asked in the version set, and must answer in it."""
    async with webhook(tmp_path, lambda _token: yes("a", version=answered)) as (hook, kubeconfig):
        client = TokenWebhook(read_webhook_config(kubeconfig), WebhookOptions(version=version))
        try:
            assert await client.authenticate("t") == User("a")
            assert good
        except WebhookError:
            assert not good
        assert hook.requests[0]["apiVersion"] == f"authentication.k8s.io/{version}"
        await client.close()


async def test_unreachable_and_untrusted_webhooks(tmp_path: Path) -> None:
    """A webhook that is down, or whose certificate is from elsewhere, is an error and not a no."""
    async with webhook(tmp_path / "a", lambda _token: yes("a")) as (_, kubeconfig):
        (tmp_path / "a" / "hook-ca.pem").write_bytes((tmp_path / "a" / "tls.pem").read_bytes())
        client = TokenWebhook(read_webhook_config(kubeconfig))
        with pytest.raises(WebhookError):
            await client.authenticate("t")
        await client.close()
        endpoint = read_webhook_config(kubeconfig)
    client = TokenWebhook(endpoint)
    with pytest.raises(WebhookError):
        await client.authenticate("t")
    await client.close()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        "current-context: c\n",
        "clusters: 5\n",
        "current-context: c\ncontexts: [{name: c, context: {cluster: x}}]",
    ],
)
def test_broken_webhook_kubeconfigs(tmp_path: Path, text: str) -> None:
    """A kubeconfig that names no usable server is a configuration error that names the file."""
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    with pytest.raises(ConfigError, match="kubeconfig"):
        read_webhook_config(path)
    with pytest.raises(ConfigError, match="no such file"):
        read_webhook_config(tmp_path / "absent")


@pytest.mark.parametrize(
    "header, token",
    [
        (None, None),
        ("", None),
        ("Bearer", None),
        ("Bearer ", None),
        ("Basic abc", None),
        ("bearer abc", "abc"),
        ("Bearer abc def", "abc"),
        ("Bearer  abc", None),
    ],
)
def test_bearer_header(header: str | None, token: str | None) -> None:
    """Anything but a bearer token counts as no credential at all."""
    assert bearer_token(header) == token


def test_token_file(tmp_path: Path) -> None:
    """Lines hold token, user, uid and groups; a bad line is named by number, without its secret."""
    path = tmp_path / "tokens.csv"
    path.write_text('t1,ann,1,"a,b"\n\nt2,bob,2\n')
    assert read_token_file(path) == {"t1": User("ann", ("a", "b"), "1"), "t2": User("bob", (), "2")}
    path.write_text("t1,ann,1\nsecret,\n")
    with pytest.raises(ConfigError, match="line 2") as caught:
        read_token_file(path)
    assert "secret" not in str(caught.value)


async def test_anonymous_requests(tmp_path: Path) -> None:
    """Without a token everyone is system:anonymous, who may see health and version and nothing else."""
    async with running(tmp_path) as (api, _):
        for path in ("/healthz", "/livez", "/readyz", "/version"):
            assert (await api("GET", path, token=None)).status == 200
        reply = await api("GET", f"{DEFAULT}/pods", token=None)
        assert reply.status == 403
        assert reply.message.startswith('pods is forbidden: User "system:anonymous" cannot list resource "pods"')
        assert (await api("GET", "/healthz", token="nonsense")).status == 401


async def test_anonymous_requests_can_be_limited(tmp_path: Path) -> None:
    """As on EKS since 1.32, only listed paths may be open to anonymous requests; the rest is 401."""
    async with running(tmp_path, anonymous_paths=("/healthz",)) as (api, _):
        assert (await api("GET", "/healthz", token=None)).status == 200
        assert (await api("GET", "/version", token=None)).json == UNAUTHORIZED


async def test_impersonation(tmp_path: Path) -> None:
    """Each part of an impersonation needs its own permission, and the result is exactly what was asked for."""
    async with running(tmp_path) as (api, _):
        asked = [
            ("Impersonate-User", "bob"),
            ("Impersonate-Group", "g1"),
            ("Impersonate-Group", "g2"),
            ("Impersonate-Uid", "u"),
            ("Impersonate-Extra-Scopes%2fx", "s1"),
            ("Impersonate-Extra-Scopes%2fx", "s2"),
        ]
        reply = await api("POST", WHOAMI, {}, headers=asked)
        assert reply.json["status"]["userInfo"] == {
            "username": "bob",
            "uid": "u",
            "groups": ["g1", "g2", "system:authenticated"],
            "extra": {"scopes/x": ["s1", "s2"]},
        }
        reply = await api("POST", WHOAMI, {}, token="alice-token", headers=asked)
        assert reply.message == (
            'users "bob" is forbidden: User "alice" cannot impersonate resource "users" in API group "" '
            "at the cluster scope"
        )
        rules = [{"verbs": ["impersonate"], "apiGroups": [""], "resources": ["users"], "resourceNames": ["bob"]}]
        await api.grant("as-bob", rules)
        reply = await api("POST", WHOAMI, {}, token="alice-token", headers=asked)
        assert reply.message.startswith('groups "g1" is forbidden')
        reply = await api("POST", WHOAMI, {}, token="alice-token", headers=asked[:1])
        assert reply.json["status"]["userInfo"] == {"username": "bob", "groups": ["system:authenticated"]}


async def test_impersonated_service_accounts_get_their_groups(tmp_path: Path) -> None:
    """A service account's name brings its groups; groups without a user are refused."""
    async with running(tmp_path) as (api, _):
        reply = await api("POST", WHOAMI, {}, headers={"Impersonate-User": "system:serviceaccount:ci:bot"})
        groups = ["system:serviceaccounts", "system:serviceaccounts:ci", "system:authenticated"]
        assert reply.json["status"]["userInfo"]["groups"] == groups
        reply = await api("POST", WHOAMI, {}, headers={"Impersonate-Group": "system:masters"})
        assert reply.status == 500
