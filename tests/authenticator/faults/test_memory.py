"""Connections that ended are gone at once, with all that they held, and not when the garbage collector comes by."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web
from tests.authenticator.serving import Sts, collected_log, mint, serving

from eksauth.authenticator.server.run import loop_factory
from eksauth.authenticator.server.settings import Limits, WebhookSettings

HEAD = b"POST /authenticate HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture(autouse=True, name="_uncollected")
def uncollected_() -> Iterator[None]:
    """Keep the garbage collector away."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def review() -> bytes:
    """Return a whole request about a token that STS does not answer soon."""
    body = json.dumps({"spec": {"token": mint()}}).encode()
    return HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


ENDINGS = {
    "nothing said": b"",
    "half a head": HEAD,
    "half a body": HEAD + b"Content-Length: 60000\r\n\r\n" + b"x" * 50_000,
    "half a chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n10\r\n" + b"x" * 9,
    "too large": HEAD + b"Content-Length: 9999999\r\n\r\n" + b"x" * 50_000,
    "growing": HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + (b"2710\r\n" + b"x" * 10_000 + b"\r\n") * 8,
    "no review": HEAD + b"Content-Length: 1\r\n\r\n{",
    "kept alive": b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
}


async def _left_over(directory: Path, *, server_ends: bool) -> int:
    """Return how many connections are in memory after some of each kind came and went."""
    limits = Limits(headers=0.1, idle=0.1, grace=1) if server_ends else Limits(grace=1)
    webhook = WebhookSettings(read_timeout=0.1 if server_ends else 30)
    sts = Sts(gate=asyncio.Event())
    assert sts.gate is not None
    async with serving(directory, sts, limits=limits, webhook=webhook) as running:
        writers = []
        for said in (*ENDINGS.values(), review()):
            for _ in range(8):
                _, writer = await running.connect()
                writer.write(said)
                writers.append(writer)
        await asyncio.sleep(0.3)
        for writer in writers:
            writer.transport.abort()
        del writer, writers
        sts.gate.set()
        left = -1
        for _ in range(100):
            # aiohttp lingers for two seconds over bodies that nobody reads
            await asyncio.sleep(0.1)
            left = sum(isinstance(one, web.RequestHandler) for one in gc.get_objects())
            if not left:
                break
    return left


@pytest.mark.parametrize("server_ends", [False, True], ids=["client-ends", "server-ends"])
def test_nothing_of_a_connection_stays(tmp_path: Path, server_ends: bool) -> None:
    """Whoever ends it, and in the middle of whatever: no connection waits for the garbage collector."""
    with collected_log(), asyncio.Runner(loop_factory=loop_factory()) as runner:
        assert runner.run(_left_over(tmp_path, server_ends=server_ends)) == 0
