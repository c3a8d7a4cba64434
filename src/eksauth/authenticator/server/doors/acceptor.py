"""Taking connections: so many in their TLS handshake, so many of one address, and the slowest make room.

A handshake of a working client takes milliseconds. When too many are pending, the oldest is one that will not end.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import ssl
from collections.abc import Callable

from aiohttp import web

from eksauth.authenticator.server.decision_log import LOGGER_NAME
from eksauth.authenticator.server.doors.sources import Sources
from eksauth.authenticator.server.metrics import Metrics

_log = logging.getLogger(LOGGER_NAME)
_NO_DESCRIPTORS_SECONDS = 0.2


class Acceptor:
    """Accepts on one listening socket.

    :param protocol: makes the protocol of a connection; it must call :meth:`Sources.disconnect` when it is lost.
    :param handshakes: how many may be pending.
    :param handshake_timeout: seconds.
    """

    def __init__(
        self,
        listener: socket.socket,
        protocol: Callable[[], web.RequestHandler],
        tls: ssl.SSLContext,
        metrics: Metrics,
        sources: Sources,
        *,
        handshakes: int,
        handshake_timeout: float,
    ) -> None:
        self._listener = listener
        self._protocol = protocol
        self._tls = tls
        self._metrics = metrics
        self._sources = sources
        self._most = handshakes
        self._timeout = handshake_timeout
        self._pending: dict[asyncio.Task[None], socket.socket] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._accepting: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to accept."""
        self._listener.settimeout(0)
        self._accepting = asyncio.create_task(self._accept(), name="accept")

    async def close(self) -> None:
        """Stop accepting, and give up the handshakes that are pending."""
        # at once, before anything is waited for; closing it has to wait until nobody polls it
        _hang_up(self._listener)
        if self._accepting is not None:
            self._accepting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._accepting
        self._listener.close()
        pending = dict(self._pending)
        for connection in pending.values():
            _hang_up(connection)
        await asyncio.gather(*pending, *self._ending, return_exceptions=True)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, address = await loop.sock_accept(self._listener)
            except OSError as error:
                if error.errno == errno.EINVAL:
                    # it was shut down
                    return
                # no descriptors are left, mostly
                _log.error("cannot accept", extra={"fields": {"error": type(error).__name__, "errno": error.errno}})
                await asyncio.sleep(_NO_DESCRIPTORS_SECONDS)
                continue
            source = str(address[0])
            if not self._sources.connect(source):
                self._metrics.dropped.inc()
                connection.close()
                continue
            if len(self._pending) >= self._most:
                self._metrics.dropped.inc()
                oldest = next(iter(self._pending))
                _hang_up(self._pending.pop(oldest))
                self._ending.add(oldest)
                oldest.add_done_callback(self._ending.discard)
            task = asyncio.create_task(self._shake_hands(connection, source))
            self._pending[task] = connection
            task.add_done_callback(lambda done: self._pending.pop(done, None))

    async def _shake_hands(self, connection: socket.socket, source: str) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await loop.connect_accepted_socket(
                self._protocol, connection, ssl=self._tls, ssl_handshake_timeout=self._timeout
            )
        except (OSError, asyncio.CancelledError, TimeoutError):
            # ssl.SSLError is an OSError: a client that does not trust us, a scanner, one that left or was too slow
            self._metrics.handshake_failures.inc()
            self._sources.disconnect(source)
            connection.close()


def _hang_up(connection: socket.socket) -> None:
    """End a connection under somebody's feet; whoever reads from it sees its end and cleans up."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
