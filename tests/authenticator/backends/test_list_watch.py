"""Listing and watching an API that misbehaves: it is never asked in a loop, and what it says is never believed blindly."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from tests.authenticator.backends.clusters import SERVER, Cluster
from tests.authenticator.backends.watchers import Heard, become, started, until
from tests.authenticator.mapping.callers import A

from eksauth.authenticator.backends.cluster.backoff import FIRST_SECONDS, MOST_SECONDS, Backoff
from eksauth.authenticator.backends.cluster.config_map import config_map_backend
from eksauth.authenticator.backends.cluster.kube_backend import KubeBackend
from eksauth.authenticator.backends.cluster.kube_where import Where
from eksauth.authenticator.mapping.aws_auth import AwsAuthBackend
from eksauth.sandbox.readiness import free_port

Answer = Callable[["Api", web.Request], Awaitable[web.StreamResponse]]
ROLE = f"arn:aws:iam::{A}:role/CICDRole"


def config_map(username: str, version: int) -> dict[str, Any]:
    """Return the ConfigMap as the API gives it."""
    metadata = {"name": "aws-auth", "namespace": "kube-system", "uid": "u", "resourceVersion": str(version)}
    text = f"- rolearn: {ROLE}\n  username: {username}\n  groups: [g]\n"
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"mapRoles": text}}


def event(kind: str, item: dict[str, Any]) -> bytes:
    """Return one line of a watch."""
    return json.dumps({"type": kind, "object": item}).encode() + b"\n"


@dataclass
class Api:
    """An API server over plain HTTP that answers lists and watches as a test says, and remembers them.

    :ivar lists: what lists are answered with, one after the other; the last one again and again.
    """

    lists: list[Answer] = field(default_factory=list)
    watches: list[Answer] = field(default_factory=list)
    asked: list[tuple[float, str, dict[str, str]]] = field(default_factory=list)
    url: str = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        watch = "watch" in request.query
        self.asked.append((time.monotonic(), "watch" if watch else "list", dict(request.query)))
        answers = self.watches if watch else self.lists
        return await (answers.pop(0) if len(answers) > 1 else answers[0])(self, request)

    def queries(self, kind: str) -> list[dict[str, str]]:
        """Return the queries of lists or watches."""
        return [query for _, asked, query in self.asked if asked == kind]


def listing(*items: dict[str, Any], version: int = 1, following: str = "") -> Answer:
    """Return an answer to a list."""

    async def answer(api: Api, request: web.Request) -> web.StreamResponse:
        metadata = {"resourceVersion": str(version), "continue": following}
        return web.json_response({"kind": "ConfigMapList", "metadata": metadata, "items": list(items)})

    return answer


def refusing(status: int, text: str = '{"kind": "Status", "message": "no"}', **headers: str) -> Answer:
    """Return an answer that is no success."""

    async def answer(api: Api, request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=text, headers=headers, content_type="application/json")

    return answer


def watching(*parts: bytes, stay: bool = False, cut: bool = False) -> Answer:
    """Return an answer to a watch: some bytes, then its end, silence, or a connection that breaks."""

    async def answer(api: Api, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        for part in parts:
            await response.write(part)
        if stay:
            await asyncio.sleep(3600)
        if cut and request.transport is not None:
            request.transport.abort()
        return response

    return answer


@asynccontextmanager
async def serving(api: Api) -> AsyncIterator[Api]:
    """Run the API server."""
    app = web.Application()
    app.router.add_get("/{path:.*}", api.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    api.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield api
    finally:
        await runner.cleanup()


@asynccontextmanager
async def backend_on(
    api: Api, heard: Heard | None = None, backoff: Backoff | None = None
) -> AsyncIterator[KubeBackend[AwsAuthBackend]]:
    """Run a backend on the API server."""
    async with serving(api):
        made = config_map_backend(
            Where(master=api.url), ears=(heard or Heard()).ears(), backoff=backoff or Backoff(0.05, 0.2)
        )
        async with started(made) as backend:
            yield backend


@given(st.floats(0, 1))
def test_an_hour_without_an_api_is_few_attempts(luck: float) -> None:
    """Waits grow to half a minute at most: an hour is some two hundred attempts, and the API is found soon after."""
    backoff, waited, attempts = Backoff(draw=lambda: luck), 0.0, 0
    while waited < 3600:
        wait = backoff.seconds()
        assert FIRST_SECONDS / 2 <= wait <= MOST_SECONDS
        waited, attempts = waited + wait, attempts + 1
    assert 100 <= attempts <= 300
    backoff.reset()
    assert backoff.seconds() <= FIRST_SECONDS
    assert backoff.seconds(at_least=10) == 10
    assert backoff.seconds(at_least=1e9) <= MOST_SECONDS


async def test_watches_that_end_at_once_are_no_loop() -> None:
    """A server that ends each watch as soon as it begins is asked as rarely as one that fails."""
    api = Api([listing(config_map("a", 1))], [watching()])
    async with backend_on(api, backoff=Backoff(0.1, 0.4)) as backend:
        await asyncio.sleep(2)
        assert become(backend) == "a"
    assert 3 <= len(api.queries("watch")) <= 14
    assert len(api.queries("list")) == 1


async def test_a_watch_goes_on_from_the_newest_version() -> None:
    """The next watch begins where the last one ended, at a change or at a bookmark; bookmarks are asked for."""
    bookmark = {"kind": "ConfigMap", "metadata": {"resourceVersion": "77"}}
    api = Api(
        [listing(config_map("a", 5), version=9)],
        [watching(event("MODIFIED", config_map("b", 12))), watching(event("BOOKMARK", bookmark)), watching(stay=True)],
    )
    async with backend_on(api) as backend:
        await until(lambda: len(api.queries("watch")) == 3)
        assert become(backend) == "b"
    queries = api.queries("watch")
    assert [query["resourceVersion"] for query in queries] == ["9", "12", "77"]
    assert {query["allowWatchBookmarks"] for query in queries} == {"true"}
    assert {query["fieldSelector"] for query in api.queries("list") + queries} == {"metadata.name=aws-auth"}
    assert all(240 <= int(query["timeoutSeconds"]) <= 330 for query in queries)


@pytest.mark.parametrize(
    "too_old",
    [
        pytest.param(refusing(410), id="status"),
        pytest.param(watching(event("ERROR", {"kind": "Status", "code": 410, "message": "too old"})), id="event"),
    ],
)
async def test_a_version_that_is_too_old_is_listed_again(too_old: Answer) -> None:
    """410 Gone, as a status or as an event, is no failure: the objects are listed anew."""
    api = Api([listing(config_map("a", 1)), listing(config_map("b", 2), version=2)], [too_old, watching(stay=True)])
    heard = Heard()
    async with backend_on(api, heard) as backend:
        await until(lambda: become(backend) == "b")
    assert heard.failures == 0


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(refusing(500), id="500"),
        pytest.param(refusing(302, Location="http://127.0.0.1:1/"), id="redirect"),
        pytest.param(refusing(200, "<html>\n"), id="no-events"),
        pytest.param(watching(b'{"type": 5}\n'), id="no-event"),
        pytest.param(watching(b'{"type": "MODIFIED", "object": {"metadata": []}}\n'), id="no-object"),
        pytest.param(watching(b"[" * 100_000 + b"\n"), id="nested"),
        pytest.param(watching(b"\xff\xfe\n"), id="no-text"),
        pytest.param(watching(event("ERROR", {"message": "sorry"})), id="error-event"),
        pytest.param(watching(event("MODIFIED", config_map("half", 2))[:-40], cut=True), id="cut-in-an-event"),
        pytest.param(watching(cut=True), id="cut"),
    ],
)
async def test_a_watch_that_fails_changes_nothing_and_is_tried_again(bad: Answer) -> None:
    """Whatever a watch says that is no event of an object, the mappings stay, and listing puts things right."""
    later = asyncio.Event()

    async def second(api: Api, request: web.Request) -> web.StreamResponse:
        await later.wait()
        return await listing(config_map("b", 2), version=2)(api, request)

    api = Api([listing(config_map("a", 1)), second], [bad, watching(stay=True)])
    heard = Heard()
    async with backend_on(api, heard) as backend:
        await until(lambda: len(api.queries("list")) == 2)
        assert become(backend) == "a"
        assert backend.status().failure is not None
        later.set()
        await until(lambda: become(backend) == "b")
        assert backend.status().failure is None
    assert heard.failures == 1
    # the watch may fail before the first list is in force
    assert sorted(heard.kinds()) == ["failed", "loaded", "loaded"]
    assert heard.kinds()[-1] == "loaded"


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(refusing(503, "upstream"), id="503"),
        pytest.param(refusing(200, "<html>"), id="html"),
        pytest.param(refusing(200, "[]"), id="list-without-object"),
        pytest.param(refusing(200, "{}"), id="no-list"),
        pytest.param(refusing(200, '{"metadata": {"resourceVersion": "1"}, "items": [{}]}'), id="items-without-names"),
        pytest.param(refusing(200, '{"metadata": {"resourceVersion": "1"}, "items": 5}'), id="items-that-are-none"),
        pytest.param(refusing(200, '{"metadata": {"resourceVersion": "1"}, "items": [[]]}'), id="items-that-are-lists"),
        pytest.param(refusing(200, "[" * 100_000), id="nested"),
    ],
)
async def test_a_list_that_fails_is_tried_again(bad: Answer) -> None:
    """An answer that is no list is a failure, and nobody is unmapped by it."""
    api = Api([bad, listing(config_map("a", 1))], [watching(stay=True)])
    heard = Heard()
    async with backend_on(api, heard) as backend:
        await until(lambda: become(backend) == "a")
    assert heard.kinds() == ["failed", "loaded"]


async def test_pages_are_put_together() -> None:
    """A list in pages is one list; a page that has become too old begins the list again."""
    api = Api(
        [
            listing(config_map("x", 1), following="more"),
            refusing(410),
            listing(following="more"),
            listing(config_map("a", 2), version=4),
        ],
        [watching(stay=True)],
    )
    async with backend_on(api) as backend:
        await until(lambda: become(backend) == "a")
    assert [query.get("continue") for query in api.queries("list")] == [None, "more", None, "more"]


async def test_the_api_says_how_long_to_wait() -> None:
    """Retry-After counts, up to the longest wait."""
    api = Api([refusing(429, **{"Retry-After": "1"}), listing(config_map("a", 1))], [watching(stay=True)])
    async with backend_on(api, backoff=Backoff(0.01, 5)) as backend:
        await until(lambda: become(backend) == "a")
    (first, *_), (second, *_) = api.asked[:2]
    assert second - first >= 0.95


async def test_an_api_that_hangs_can_be_left() -> None:
    """Closing does not wait for an answer that never comes."""

    async def hang(api: Api, request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(3600)
        raise AssertionError

    api = Api([hang], [hang])
    async with serving(api):
        backend = config_map_backend(Where(master=api.url))
        starting = asyncio.create_task(backend.start())
        await until(lambda: api.asked)
        starting.cancel()
        async with asyncio.timeout(5):
            await backend.close()
            with pytest.raises(asyncio.CancelledError):
                await starting


async def test_many_changes_at_once_end_in_the_last(caplog: pytest.LogCaptureFixture) -> None:
    """A thousand changes in one breath are a few loads, and the last one counts."""
    lines = b"".join(event("MODIFIED", config_map(f"user-{number}", number)) for number in range(2, 1002))
    api = Api([listing(config_map("a", 1))], [watching(lines, stay=True)])
    heard = Heard()
    async with backend_on(api, heard) as backend:
        await until(lambda: become(backend) == "user-1001")
    assert len(heard.notices) < 200


def plugin(directory: Path) -> dict[str, object]:
    """Return a user whose credential plugin gives out what stands in a file, and remembers each call."""
    script = directory / "plugin.py"
    script.write_text(
        "import json, pathlib, sys\n"
        f"here = pathlib.Path({str(directory)!r})\n"
        "(here / 'calls').open('a').write('x')\n"
        "status = {'token': (here / 'token').read_text()}\n"
        "print(json.dumps({'apiVersion': 'client.authentication.k8s.io/v1', 'kind': 'ExecCredential', 'status': status}))\n"
    )
    command = {"apiVersion": "client.authentication.k8s.io/v1", "command": sys.executable, "args": [str(script)]}
    return {"exec": {**command, "interactiveMode": "Never"}}


def kubeconfig(directory: Path, cluster: Cluster, user: dict[str, object], **more: object) -> Where:
    """Write a kubeconfig with one user."""
    document = yaml.safe_load(cluster.kubeconfig().read_text())
    document["users"][0]["user"] = user
    document["clusters"][0]["cluster"] |= {key.replace("_", "-"): value for key, value in more.items()}
    path = directory / "kubeconfig"
    path.write_text(yaml.safe_dump(document))
    return Where(path)


async def test_credential_plugins(embedded_api: Cluster, tmp_path: Path) -> None:
    """A plugin's token is kept while it is good, and asked for again when the API refuses it."""
    embedded_api.aws_auth(mapRoles=f"- rolearn: {ROLE}\n  username: a\n  groups: [g]\n")
    (tmp_path / "token").write_text("expired")
    heard = Heard()
    made = config_map_backend(
        kubeconfig(tmp_path, embedded_api, plugin(tmp_path)), ears=heard.ears(), backoff=Backoff(0.5, 1)
    )
    async with started(made) as backend:
        assert "401" in (backend.status().failure or "")
        assert "expired" not in (backend.status().failure or "")
        (tmp_path / "token").write_text(SERVER)
        await until(lambda: become(backend) == "a")
        calls = len((tmp_path / "calls").read_text())
        await backend.reload()
        assert len((tmp_path / "calls").read_text()) == calls + 1
    assert 3 <= calls <= 6


@pytest.mark.parametrize(
    "more, failure",
    [
        pytest.param({"tls_server_name": "localhost"}, None, id="server-name"),
        pytest.param({"tls_server_name": "elsewhere"}, "certificate", id="wrong-server-name"),
        pytest.param({"proxy_url": "http://127.0.0.1:1"}, "cannot reach", id="proxy-that-is-not-there"),
    ],
)
async def test_what_a_kubeconfig_says_about_its_cluster(
    embedded_api: Cluster, tmp_path: Path, more: dict[str, object], failure: str | None
) -> None:
    """Server name and proxy of the cluster count, as for kubectl."""
    embedded_api.aws_auth(mapRoles=f"- rolearn: {ROLE}\n  username: a\n  groups: [g]\n")
    made = config_map_backend(kubeconfig(tmp_path, embedded_api, {"token": SERVER}, **more))
    async with started(made) as backend:
        if failure is None:
            assert become(backend) == "a"
        else:
            assert failure in (backend.status().failure or "")


async def test_nobody_listens() -> None:
    """A refused connection is told with the address, and nothing of the credentials."""
    port = free_port()
    heard = Heard()
    made = config_map_backend(Where(master=f"https://127.0.0.1:{port}"), ears=heard.ears(), backoff=Backoff(0.05, 0.1))
    async with started(made):
        await until(lambda: heard.failures >= 3)
    assert [notice.kind for notice in heard.notices] == ["failed"]
    assert f"cannot reach 127.0.0.1:{port}" in heard.notices[0].message
