"""A raw HTTP server on loopback that answers from a script, and remembers the bytes it was asked with."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from threading import Thread

Script = Callable[[asyncio.StreamWriter], Awaitable[None]]
"""Answers one request; the connection stays open unless the script closes it."""


@dataclass
class Loopback:
    """A running server."""

    port: int
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0

    def origin(self, scheme: str = "http", host: str = "127.0.0.1") -> str:
        """Return where it listens."""
        return f"{scheme}://{host}:{self.port}"


@asynccontextmanager
async def loopback(*scripts: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[Loopback]:
    """Serve: the n-th request is answered by the n-th script, later ones by the last."""
    running: Loopback | None = None

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert running is not None
        running.connections += 1
        try:
            while not writer.is_closing():
                request = await reader.readuntil(b"\r\n\r\n")
                running.requests.append(request)
                await scripts[min(len(running.requests), len(scripts)) - 1](writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    running = Loopback(server.sockets[0].getsockname()[1])
    try:
        yield running
    finally:
        server.close()
        # connections that a script left open would keep 3.12's wait_closed waiting
        await asyncio.sleep(0)


@contextmanager
def loopback_in_a_thread(*scripts: Script) -> Iterator[Loopback]:
    """Serve as :func:`loopback` does, for tests whose code runs an event loop of its own."""
    ready: Future[tuple[Loopback, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        async with loopback(*scripts) as server:
            stop = asyncio.Event()
            ready.set_result((server, asyncio.get_running_loop(), stop))
            await stop.wait()

    thread = Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    server, loop, stop = ready.result(10)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)


def reply(status: int = 200, body: bytes = b"", headers: Sequence[str] = (), *, length: int | None = None) -> Script:
    """Answer with a whole reply; ``length`` lies about its size."""

    async def script(writer: asyncio.StreamWriter) -> None:
        size = len(body) if length is None else length
        head = [f"HTTP/1.1 {status} X", f"Content-Length: {size}", "Content-Type: application/json", *headers]
        writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        await writer.drain()

    return script


def caller(**changes: object) -> bytes:
    """Return the body of a GetCallerIdentity answer."""
    result: dict[str, object] = {
        "Account": "111122223333",
        "Arn": "arn:aws:sts::111122223333:assumed-role/CICDRole/sess",
        "UserId": "AROAEXAMPLE:sess",
    }
    result.update(changes)
    result = {key: value for key, value in result.items() if value is not ...}
    return json.dumps({"GetCallerIdentityResponse": {"GetCallerIdentityResult": result}}).encode()


def error(code: str, message: str = "no") -> bytes:
    """Return the body of an STS error in JSON."""
    return json.dumps({"Error": {"Code": code, "Message": message, "Type": "Sender"}, "RequestId": "r"}).encode()


async def reset(writer: asyncio.StreamWriter) -> None:
    """Drop the connection with a TCP reset, without a byte of an answer."""
    writer.transport.abort()


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """Close the connection in good order, without a byte of an answer."""
    writer.close()


async def silence(writer: asyncio.StreamWriter) -> None:
    """Say nothing until the other side leaves."""
    while not writer.is_closing():
        await asyncio.sleep(0.01)


async def half(writer: asyncio.StreamWriter) -> None:
    """Begin an answer and reset the connection in its middle."""
    await reply(200, caller()[:20], length=500)(writer)
    writer.transport.abort()


async def garbage(writer: asyncio.StreamWriter) -> None:
    """Answer in no protocol at all."""
    writer.write(b"\x00\x01\x02 this is not HTTP\r\n\r\n")
    await writer.drain()
    writer.close()


async def endless(writer: asyncio.StreamWriter) -> None:
    """Answer without an end."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"1000\r\n" + b" " * 0x1000 + b"\r\n")
        await writer.drain()
