"""A load generator for one TLS server: keep-alive connections, one request under way on each, every answer checked.

Bare asyncio protocols on uvloop; its own use of CPU time is part of the result, because a generator that is busy all
the time is what was measured.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from eksauth.authenticator.server.run import loop_factory


@dataclass(frozen=True)
class Load:
    """What a load took.

    :param busy: share of the time that the generator itself used a CPU; near 1 it is the bottleneck.
    """

    seconds: float
    busy: float


class _Client(asyncio.Protocol):
    def __init__(self, requests: Iterator[bytes], expected: bytes, done: asyncio.Future[None]) -> None:
        self._requests = requests
        self._expected = expected
        self._done = done
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def next(self) -> None:
        assert self._transport is not None
        request = next(self._requests, None)
        if request is not None:
            self._transport.write(request)
        elif not self._done.done():
            self._done.set_result(None)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, body = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return
        length = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        if len(body) < length:
            return
        self._buffer = body[length:]
        if self._expected not in body:
            self._fail(f"not admitted: {body[:200]!r}")
            return
        self.next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"connection lost: {exc}")

    def _fail(self, why: str) -> None:
        if not self._done.done():
            self._done.set_exception(RuntimeError(why))


def send(port: int, certificate: str, requests: Sequence[bytes], *, connections: int, expected: bytes) -> Load:
    """Send ``requests`` to ``localhost:port`` in order, each on the next free connection.

    :param expected: what each answer's body must hold.
    :raises RuntimeError: for an answer without it, or a lost connection.
    """
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(_send(port, certificate, requests, connections, expected))


async def _send(port: int, certificate: str, requests: Sequence[bytes], connections: int, expected: bytes) -> Load:
    loop, tls, pending = asyncio.get_running_loop(), ssl.create_default_context(cafile=certificate), iter(requests)
    ends: list[asyncio.Future[None]] = []
    clients = []
    for _ in range(connections):
        end = loop.create_future()
        ends.append(end)
        transport, client = await loop.create_connection(
            lambda end=end: _Client(pending, expected, end),  # type: ignore[misc]
            "127.0.0.1",
            port,
            ssl=tls,
            server_hostname="localhost",
        )
        clients.append((transport, client))
    start, cpu = time.perf_counter(), time.process_time()
    for _, client in clients:
        client.next()
    await asyncio.gather(*ends)
    seconds = time.perf_counter() - start
    busy = (time.process_time() - cpu) / seconds
    for transport, _ in clients:
        transport.abort()
    return Load(seconds, busy)
