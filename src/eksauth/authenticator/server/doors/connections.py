"""What a client may do to the server before it has said anything: connect, and then be quick.

aiohttp bounds the headers' size and the idle time between requests; this adds a bound on open connections and on the
time to the first request, so that connecting and dripping bytes holds nothing for long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from eksauth.authenticator.server.metrics import Metrics
from eksauth.authenticator.server.reviews.fast_path import Answer, FastHandler, Heads

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class BoundedServer(web.Server):
    """aiohttp's low-level server with a cap on connections and a timer on each new one.

    :param handler: answers requests.
    :param max_connections: further connections are closed at once.
    :param header_timeout: seconds from connecting to the last header of the first request.
    :param idle_timeout: seconds between two requests; longer than the 90 s after which Go clients let go, so that it is
        never the server that closes a connection on which a request is just being sent.
    :param body_bytes: the largest body that a handler can read.
    :param lost: told the peer address of each connection that ended.
    :param short_way: answers what it can at once, see :mod:`eksauth.authenticator.server.reviews.fast_path`.
    """

    def __init__(
        self,
        handler: Handler,
        metrics: Metrics,
        *,
        max_connections: int,
        header_timeout: float,
        idle_timeout: float,
        body_bytes: int,
        short_way: Answer | None = None,
        lost: Callable[[str], None] = lambda _source: None,
    ) -> None:
        # a compressed body would be a way around the size limit
        options: dict[str, Any] = {"lingering_time": 2.0, "access_log": None, "auto_decompress": False}
        super().__init__(handler, request_factory=self._bounded_request, keepalive_timeout=idle_timeout, **options)
        self._options = options | {"keepalive_timeout": idle_timeout}
        self._lost = lost
        self._short_way = short_way or _no_short_way
        self._heads = Heads(body_bytes)
        self._idle_timeout = idle_timeout
        self._metrics = metrics
        self._max_connections = max_connections
        self._header_timeout = header_timeout
        self._body_bytes = body_bytes
        self._transports: dict[web.RequestHandler, asyncio.Transport] = {}
        self._silent: dict[web.RequestHandler, asyncio.TimerHandle] = {}

    def __call__(self) -> web.RequestHandler:
        """Return the protocol of a new connection."""
        handler = FastHandler(self, loop=asyncio.get_running_loop(), **self._options)
        handler.short_way, handler.heads, handler.heard = self._short_way, self._heads, self._heard_from
        handler.idle_timeout, handler.client = self._idle_timeout, "unknown"
        return handler

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        """Count the connection, and start its timer or turn it away."""
        super().connection_made(handler, transport)
        peer = transport.get_extra_info("peername")
        if isinstance(handler, FastHandler) and isinstance(peer, tuple):
            handler.client = str(peer[0])
        self._metrics.connections.inc()
        self._transports[handler] = transport
        if len(self._transports) > self._max_connections:
            oldest = next(iter(self._silent), None)
            if oldest is None:
                self._drop(transport)
                return
            # whoever has not said anything for longest is the least loss
            self._too_slow(oldest, self._transports[oldest])
        loop = asyncio.get_running_loop()
        self._silent[handler] = loop.call_later(self._header_timeout, self._too_slow, handler, transport)

    def connection_lost(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:
        """Forget the connection."""
        super().connection_lost(handler, exc)
        self._metrics.connections.dec()
        self._heard_from(handler)
        if self._transports.pop(handler, None) is not None and isinstance(handler, FastHandler):
            self._lost(handler.client)

    def _bounded_request(self, message, payload, protocol, writer, task):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        self._heard_from(protocol)
        loop = asyncio.get_running_loop()
        return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=self._body_bytes)

    def _heard_from(self, handler: web.RequestHandler) -> None:
        timer = self._silent.pop(handler, None)
        if timer is not None:
            timer.cancel()

    def _too_slow(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        if self._silent.pop(handler, None) is not None:
            self._drop(transport)

    def _drop(self, transport: asyncio.Transport) -> None:
        self._metrics.dropped.inc()
        transport.abort()


def _no_short_way(body: bytes, client: str) -> bytes | None:  # noqa: ARG001
    return None
