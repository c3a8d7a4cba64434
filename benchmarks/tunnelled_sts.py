"""The least STS that both servers can be pointed at: a CONNECT proxy that is the TLS server behind itself, too.

Clients reach it with HTTPS_PROXY, whatever host they ask for, and get the same answer to every request, after a delay.
One process, no second hop, so that STS is not what is measured.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from typing import cast

from benchmarks.server import ACCOUNT, ROLE
from eksauth.authenticator.server.run import loop_factory

_RESULT = {
    "Account": ACCOUNT,
    "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE}/ann",
    "UserId": "AROAEXAMPLEEXAMPLE00:ann",
}
_BODY = json.dumps({"GetCallerIdentityResponse": {"GetCallerIdentityResult": _RESULT}}).encode()
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(_BODY), _BODY)
_UPGRADES: set[asyncio.Task[None]] = set()


class Answering(asyncio.Protocol):
    """STS itself: one answer per request head; requests have no bodies."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._rest = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where answers go."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer each complete request head."""
        self._rest += data
        while b"\r\n\r\n" in self._rest:
            _, _, self._rest = self._rest.partition(b"\r\n\r\n")
            if self._delay:
                asyncio.get_running_loop().call_later(self._delay, self._answer)
            else:
                self._answer()

    def _answer(self) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(_ANSWER)


class Tunnelling(asyncio.Protocol):
    """The proxy: says yes to CONNECT and goes on in TLS over the same connection."""

    def __init__(self, tls: ssl.SSLContext, delay: float) -> None:
        self._tls = tls
        self._delay = delay
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the connection."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Accept the tunnel; clients wait for that before they begin with TLS."""
        assert self._transport is not None
        if not data.startswith(b"CONNECT sts."):
            self._transport.abort()
            return
        self._transport.write(b"HTTP/1.1 200 OK\r\n\r\n")
        task = asyncio.get_running_loop().create_task(self._upgrade(self._transport))
        _UPGRADES.add(task)
        task.add_done_callback(_UPGRADES.discard)

    async def _upgrade(self, transport: asyncio.Transport) -> None:
        protocol = Answering(self._delay)
        try:
            upgraded = await asyncio.get_running_loop().start_tls(transport, protocol, self._tls, server_side=True)
        except (OSError, ConnectionError):
            return
        if upgraded is not None:
            protocol.connection_made(upgraded)


async def _main(delay: float, certificate: str, key: str) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Tunnelling(tls, delay), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    # ends when its standard input does, which is when the benchmark ends in whatever way
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_main(float(sys.argv[1]), sys.argv[2], sys.argv[3]))
