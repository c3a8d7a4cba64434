"""The short way for repeated questions: the same answers as the ordinary way, and never a way around it."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.authenticator.serving import MAPPED, V1, V1BETA1, Running, Sts, collected_log, mint, serving

from eksauth.authenticator.config import parse_server_config
from eksauth.authenticator.mapping.mounted_file import MountedFileBackend
from eksauth.authenticator.server.reviews.fast_path import Heads
from eksauth.authenticator.server.settings import Limits, WebhookSettings
from eksauth.authenticator.sts.client import StsRefused


def request(token: str, *, version: str = V1, audiences: tuple[str, ...] = ()) -> bytes:
    """Return a TokenReview as kube-apiserver posts it."""
    body = json.dumps(
        {"kind": "TokenReview", "apiVersion": version, "spec": {"token": token, "audiences": list(audiences)}}
    ).encode()
    head = (
        "POST /authenticate?timeout=30s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: kube-apiserver/v1.36\r\n"
        f"Content-Length: {len(body)}\r\nAccept: application/json, */*\r\nContent-Type: application/json\r\n\r\n"
    )
    return head.encode() + body


async def answer(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Return head and body of the next answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
    return head, await reader.readexactly(length)


def was_short(head: bytes) -> bool:
    """Tell which way an answer came: aiohttp signs its own."""
    return b"\r\nServer:" not in head


async def asked(running: Running, *requests: bytes) -> list[tuple[bool, bytes]]:
    """Send requests over one connection, and return for each whether it went the short way, and the body."""
    reader, writer = await running.connect()
    answers = []
    for sent in requests:
        writer.write(sent)
        head, body = await answer(reader)
        answers.append((was_short(head), body))
    writer.close()
    return answers


@pytest.mark.parametrize("version", [V1, V1BETA1])
async def test_repeated_questions_go_the_short_way(tmp_path: Path, version: str) -> None:
    """The first answer costs a call to STS; further ones are the same to the byte, counted and logged."""
    with collected_log() as log:
        async with serving(tmp_path) as running:
            sent = request(mint(), version=version, audiences=("a", "b"))
            answers = await asked(running, sent, sent, sent)
            assert [short for short, _ in answers] == [False, True, True]
            assert len({body for _, body in answers}) == 1
            assert json.loads(answers[0][1])["apiVersion"] == version
            assert len(running.sts.asked) == 1
            assert await running.metric("eksauth_verification_cache_hits_total") == 2
            assert await running.metric("eksauth_decisions_total", reason="ok") == 3
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    decisions = [line for line in lines if line["msg"] == "access granted"]
    assert [line["verification"] for line in decisions] == ["asked", "cached", "cached"]
    varying = ("time", "latency_ms", "cached", "verification")
    assert len({json.dumps({key: line[key] for key in line if key not in varying}) for line in decisions}) == 1


async def test_refusals_are_repeated_as_well(tmp_path: Path) -> None:
    """What STS refused, and who is not mapped: the same answer from memory."""
    unmapped = replace(Sts().answer, arn="arn:aws:sts::111122223333:assumed-role/Other/ann")  # type: ignore[type-var]
    for sts in (Sts(StsRefused("no", code="sts.signature_mismatch")), Sts(unmapped)):
        async with serving(tmp_path, sts) as running:
            sent = request(mint())
            answers = await asked(running, sent, sent)
            assert [short for short, _ in answers] == [False, True]
            assert answers[0][1] == answers[1][1]
            assert b'"authenticated":false' in answers[0][1]


async def test_a_changed_mapping_counts_at_once(tmp_path: Path) -> None:
    """The next answer after an exchange is made anew; the one after that is short again."""
    async with serving(tmp_path) as running:
        authority = running.server._authority
        sent = request(mint())
        await asked(running, sent, sent)
        newer = parse_server_config(MAPPED.replace("admin:", "boss:"), "server.yaml")
        authority.mapping = MountedFileBackend(newer.mappings)  # type: ignore[attr-defined]
        answers = await asked(running, sent, sent)
        assert [short for short, _ in answers] == [False, True]
        assert all(b"boss:" in body for _, body in answers)
        authority.adopt({"MountedFile": ["boss:"]}, ())  # type: ignore[attr-defined]
        (_, refused), *_ = await asked(running, sent)
        assert b'"authenticated":false' in refused


async def test_changed_settings_count_at_once(tmp_path: Path) -> None:
    """An account that becomes scrubbed leaves the log with the next line."""
    with collected_log() as log:
        async with serving(tmp_path) as running:
            sent = request(mint())
            await asked(running, sent, sent)
            webhook = running.server.webhook
            webhook.settings = replace(webhook.settings, scrubbed_accounts=frozenset(("111122223333",)))
            before = len(log.getvalue())
            await asked(running, sent)
    assert "arn:aws" not in log.getvalue()[before:]


async def test_audiences_are_part_of_the_question(tmp_path: Path) -> None:
    """One token for different audiences: each answer has its own, from memory too."""
    settings = WebhookSettings(audiences=frozenset(("a",)))
    async with serving(tmp_path, webhook=settings) as running:
        token = mint()
        sent = [request(token, audiences=asked_for) for asked_for in (("a",), ("b",), ("a", "b"))]
        answers = await asked(running, *sent, *sent)
        first, again = answers[:3], answers[3:]
        assert again == [(True, body) for _, body in first]
        assert [b'"authenticated":true' in body for _, body in first] == [True, False, True]


async def test_no_cache_has_no_short_way(tmp_path: Path) -> None:
    """Without a memory there is nothing to answer from."""
    from eksauth.authenticator.server.settings import CacheSettings

    async with serving(tmp_path, cache=CacheSettings(ttl=0, negative_ttl=0)) as running:
        sent = request(mint())
        assert [short for short, _ in await asked(running, sent, sent)] == [False, False]


@pytest.mark.parametrize(
    "change",
    [
        lambda sent: sent.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1),
        lambda sent: sent.replace(b"HTTP/1.1", b"HTTP/1.0", 1).replace(b"Accept", b"Connection: keep-alive\r\nAccept"),
        lambda sent: sent.replace(b"Host: localhost\r\n", b"Host: localhost\r\nX-Else: 1\r\n", 1),
        lambda sent: sent + sent,
    ],
    ids=["close", "http-1.0", "another-field", "two-at-once"],
)
async def test_what_is_unusual_goes_the_ordinary_way(tmp_path: Path, change) -> None:  # type: ignore[no-untyped-def]
    """And is answered there, although the token is remembered."""
    async with serving(tmp_path) as running:
        sent = request(mint())
        await asked(running, sent)
        ((short, body), *_) = await asked(running, change(sent))
        assert not short
        assert b'"authenticated":true' in body


@pytest.mark.parametrize(
    "head",
    [
        b"POST /authenticate HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"POST /authenticate HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /authenticate HTTP/1.1\r\nContent-Length: +5\r\n\r\n",
        b"POST /authenticate HTTP/1.1\r\nContent-Length: 5, 5\r\n\r\n",
        b"POST /authenticate HTTP/1.1\r\nContent-Length : 5\r\n\r\n",
        b"POST /authenticate HTTP/1.1\r\nHost: a\r\n Content-Length: 5\r\n\r\n",
        b"POST /authenticate HTTP/1.1\r\nHost: a\nContent-Length: 5\r\n\r\n",
        b"POST /authenticate HTTP/1.1\r\nContent-Length: 999999\r\n\r\n",
        b"POST /authenticate HTTP/1.1\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
        b"POST /authenticated HTTP/1.1\r\nContent-Length: 5\r\n\r\n",
        b"GET /authenticate HTTP/1.1\r\nContent-Length: 5\r\n\r\n",
        b"POST /authenticate HTTP/1.1\r\nHost: a\r\n\r\n",
        b"",
    ],
)
def test_heads_that_are_not_taken(head: bytes) -> None:
    """Anything that two readers could understand differently is left to the real parser."""
    heads = Heads(65_536)
    assert [heads.body_length(head) for _ in range(2)] == [-1, -1]


@settings(max_examples=200)
@given(st.lists(st.sampled_from([b"Content-Length: 5", b"Host: a", b"Accept: */*", b"X: y", b"", b"content-length:7"])))
def test_a_head_is_taken_with_one_length_only(lines: list[bytes]) -> None:
    """Whatever else a head holds: a length is only read when there is exactly one, among known fields."""
    head = b"\r\n".join([b"POST /authenticate HTTP/1.1", *lines]) + b"\r\n\r\n"
    lengths = [line for line in lines if line.lower().startswith(b"content-length")]
    expected = len(lengths) == 1 and b"X: y" not in lines and b"" not in lines
    assert (Heads(100).body_length(head) >= 0) == expected


def test_heads_are_not_collected() -> None:
    """A client with ever new heads fills no memory."""
    heads = Heads(100)
    for number in range(1_000):
        heads.body_length(b"POST /authenticate HTTP/1.1\r\nHost: %d\r\nContent-Length: 5\r\n\r\n" % number)
    assert len(heads._known) <= 64


async def test_short_answers_keep_a_connection_alive(tmp_path: Path) -> None:
    """A connection that is used lives beyond the idle time, and ends that long after its last use."""
    async with serving(tmp_path, limits=Limits(idle=0.6, grace=5)) as running:
        reader, writer = await running.connect()
        sent = request(mint())
        start = time.monotonic()
        while time.monotonic() - start < 1.5:
            writer.write(sent)
            assert b'"authenticated":true' in (await answer(reader))[1]
            await asyncio.sleep(0.1)
        async with asyncio.timeout(10):
            assert await reader.read() == b""
        writer.close()


async def test_the_first_request_may_be_short(tmp_path: Path) -> None:
    """A connection whose only requests go the short way is not taken for a silent one."""
    async with serving(tmp_path, limits=Limits(headers=0.5, grace=5)) as running:
        sent = request(mint())
        await asked(running, sent)
        reader, writer = await running.connect()
        await asyncio.sleep(0.05)
        writer.write(sent)
        assert was_short((await answer(reader))[0])
        await asyncio.sleep(0.8)
        writer.write(sent)
        assert (await answer(reader))[1]
        writer.close()


async def test_requests_in_pieces(tmp_path: Path) -> None:
    """A request that arrives cut anywhere has the same answer."""
    async with serving(tmp_path) as running:
        sent = request(mint())
        ((_, whole),) = await asked(running, sent)
        for cut in (1, 18, 30, sent.index(b"\r\n\r\n") + 2, sent.index(b"\r\n\r\n") + 4, len(sent) - 1):
            reader, writer = await running.connect()
            writer.write(sent[:cut])
            await asyncio.sleep(0.02)
            writer.write(sent[cut:])
            assert (await answer(reader))[1] == whole
            writer.write(sent)
            assert (await answer(reader))[1] == whole
            writer.close()
