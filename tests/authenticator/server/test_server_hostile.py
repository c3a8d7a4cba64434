"""The server and clients that mean no good, or are just broken."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable, Coroutine, Iterator
from io import StringIO
from pathlib import Path

import pytest
from tests.authenticator.serving import Running, collected_log, mint, serving

from eksauth.authenticator.server.run import loop_factory
from eksauth.authenticator.server.settings import Limits, WebhookSettings


@pytest.fixture(autouse=True, name="log")
def log_() -> Iterator[StringIO]:
    """Collect the server's log, and put logging back."""
    with collected_log() as stream:
        yield stream


async def still_works(running: Running) -> None:
    """Assert that the server judges tokens and saw no internal error."""
    assert (await running.review(mint()))[1]["status"]["authenticated"]
    assert await running.metric("eksauth_internal_errors_total") == 0


@pytest.mark.parametrize(
    "body, status",
    [
        pytest.param(b"", 400, id="empty"),
        pytest.param(b"\xff\xfe\x00", 400, id="bad-utf-8"),
        pytest.param(b'{"spec":{"token":"\x00"}}', 400, id="raw-nul"),
        pytest.param(b'{"spec":{"token":"\\u0000"}}', 200, id="escaped-nul"),
        pytest.param(b'{"spec":{"token":"\\ud83d\\ude00"}}', 200, id="emoji"),
        pytest.param(b"[" * 60_000, 400, id="deep"),
        pytest.param(b'{"a":' * 10_000 + b"1" + b"}" * 10_000, 400, id="deep-objects"),
        pytest.param(b'{"spec":{"token":"t"},"x":' + b"9" * 50_000 + b"}", 200, id="huge-number"),
        pytest.param(gzip.compress(b'{"spec":{"token":"t"}}'), 400, id="gzip"),
        pytest.param(json.dumps({"spec": {"token": "x" * 60_000}}).encode(), 200, id="long-token"),
        pytest.param(
            json.dumps({"spec": {"token": "t", "audiences": ["a"] * 10_000}}).encode(), 200, id="many-audiences"
        ),
        pytest.param(b" " * 65_537, 413, id="one-byte-too-many"),
        pytest.param(b"x" * 10_000_000, 413, id="ten-megabytes"),
    ],
)
async def test_hostile_bodies(tmp_path: Path, body: bytes, status: int) -> None:
    """Each gets a proper status without an authenticated user, and the server goes on."""
    async with serving(tmp_path) as running:
        code, answer = await running.post(body, **{"Content-Encoding": "identity"})
        assert code == status
        assert not answer["status"]["authenticated"] if code == 200 else answer["kind"] == "Status"
        await still_works(running)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "nonsense"])
async def test_a_compressed_body_is_not_unpacked(tmp_path: Path, encoding: str) -> None:
    """A small body cannot become a large one."""
    async with serving(tmp_path) as running:
        code, _ = await running.post(gzip.compress(b" " * 10_000_000)[:60_000], **{"Content-Encoding": encoding})
        assert code == 400
        await still_works(running)


async def test_an_endless_chunked_body_is_cut(tmp_path: Path) -> None:
    """The limit counts what arrives, whatever length was promised."""
    async with serving(tmp_path) as running:
        reader, writer = await running.connect()
        writer.write(b"POST /authenticate HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(20):
            writer.write(b"2710\r\n" + b"x" * 10_000 + b"\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")  # Python 3.13 words it anew
        writer.close()
        await still_works(running)


@pytest.mark.parametrize(
    "request_text",
    [
        b"GARBAGE\r\n\r\n",
        b"POST /authenticate HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /authenticate HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /authenticate HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"".join(b"H%d: v\r\n" % number for number in range(2_000)) + b"\r\n",
    ],
    ids=["garbage", "negative-length", "smuggling", "bad-chunk", "long-line", "many-headers"],
)
async def test_broken_http_is_refused(tmp_path: Path, request_text: bytes) -> None:
    """Requests that could be read in two ways, or that never end, get 400 and the connection is closed."""
    async with serving(tmp_path) as running:
        reader, writer = await running.connect()
        writer.write(request_text)
        answer = await reader.read()
        writer.close()
        assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 "))
        await still_works(running)


@pytest.mark.parametrize(
    "request_text",
    [
        b"POST /authenticate HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer QUOTED\nevil\x00\r\n\r\n",
        b"POST /authenticate HTTP/1.1\r\nHost: x\r\nQUOTED evil: x\r\n\r\n",
        b"POST /authenticate HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nQUOTED evil\r\n",
        b"GET http://[QUOTED/evil HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nQUOTED evil",
    ],
    ids=["header-value", "header-name", "chunk", "address", "upgrade"],
)
async def test_broken_http_is_logged_without_its_text(
    tmp_path: Path, log: StringIO, capfd: pytest.CaptureFixture[str], request_text: bytes
) -> None:
    """The HTTP library's complaint is one line of the log like every other, and quotes nothing: it may be a token."""
    async with serving(tmp_path) as running:
        reader, writer = await running.connect()
        writer.write(request_text)
        await reader.read()
        writer.close()
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [line for line in lines if line["msg"].startswith("Error handling request")]
    said = log.getvalue() + "".join(capfd.readouterr())
    assert "QUOTED" not in said
    assert "Traceback" not in said


async def test_who_connects_and_keeps_silent_is_dropped(tmp_path: Path) -> None:
    """A connection without a request is closed after the header timeout, half a request line included."""
    async with serving(tmp_path, limits=Limits(headers=0.2, grace=5)) as running:
        silent, dripping = await running.connect(), await running.connect()
        dripping[1].write(b"POST /authenticate HTTP/1.1\r\nHost:")
        for reader, writer in (silent, dripping):
            with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                await reader.readexactly(1)
            writer.close()
        assert await running.metric("eksauth_connections_dropped_total") == 2
        await still_works(running)


async def test_a_body_that_drips_is_cut(tmp_path: Path) -> None:
    """Headers in time and then a body that never ends gives 408 and a closed connection."""
    async with serving(tmp_path, webhook=WebhookSettings(read_timeout=0.2)) as running:
        reader, writer = await running.connect()
        writer.write(b"POST /authenticate HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        answer = await reader.read()
        writer.close()
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"Connection: close" in answer
        await still_works(running)


async def test_a_client_that_leaves_in_the_middle_of_a_body_is_no_error(tmp_path: Path) -> None:
    """Half a body and a closed connection are nobody's bug."""
    async with serving(tmp_path) as running:
        _, writer = await running.connect()
        writer.write(b"POST /authenticate HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        await writer.drain()
        while await running.metric("eksauth_requests_in_flight") < 2:
            await asyncio.sleep(0.01)
        writer.transport.abort()
        while await running.metric("eksauth_requests_in_flight") > 1:
            await asyncio.sleep(0.01)
        await still_works(running)


async def test_more_connections_than_allowed_are_closed(tmp_path: Path) -> None:
    """The cap holds, and a place is free again when somebody leaves."""
    async with serving(tmp_path, limits=Limits(connections=2, grace=5)) as running:
        kept = [await running.connect() for _ in range(2)]
        reader, writer = await running.connect()
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        writer.close()
        for _, held in kept:
            held.close()
            await held.wait_closed()
        await still_works(running)


async def test_pipelined_requests_are_answered_in_order(tmp_path: Path) -> None:
    """Several requests in one write are answered one after the other on the same connection."""
    async with serving(tmp_path) as running:
        reader, writer = await running.connect()
        writer.write(
            b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        answer = await reader.read()
        writer.close()
        assert answer.index(b"HTTP/1.1 200 OK") < answer.index(b"HTTP/1.1 404 Not Found")


async def test_a_log_line_of_a_hostile_request_is_one_line(tmp_path: Path, log: StringIO) -> None:
    """Whatever is posted, the log stays one JSON object per line and quotes nothing of it."""
    async with serving(tmp_path) as running:
        for body in (b'{"apiVersion":"evil\\nlevel=info"}', b'{"spec":{"token":"evil\\n\\u001b[31m"}}', b"evil\n"):
            await running.post(body)
    for line in log.getvalue().splitlines():
        assert isinstance(json.loads(line), dict)
    assert "evil" not in log.getvalue()


@pytest.mark.parametrize(
    "scenario",
    [
        test_who_connects_and_keeps_silent_is_dropped,
        test_a_body_that_drips_is_cut,
        test_a_client_that_leaves_in_the_middle_of_a_body_is_no_error,
        test_more_connections_than_allowed_are_closed,
    ],
)
def test_the_limits_hold_on_the_loop_of_production(
    tmp_path: Path, scenario: Callable[[Path], Coroutine[None, None, None]]
) -> None:
    """Timers and closed connections work the same on the event loop that the command runs on."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(scenario(tmp_path))
