"""Plain HTTP beside the webhook: probes, metrics and the status page, for people and programs on this machine.

Nothing here takes part in a login or changes anything. It is on loopback unless asked otherwise, because it tells who
logs in; there is no password.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import time
from collections.abc import Awaitable, Callable
from importlib.resources import files

import msgspec
from aiohttp import web

from eksauth.authenticator.server.decision_log import LOGGER_NAME
from eksauth.authenticator.server.doors.listening import listen
from eksauth.authenticator.server.metrics import CONTENT_TYPE
from eksauth.authenticator.server.readiness_answer import readiness_answer
from eksauth.authenticator.server.status.page import POLICY, matching, status_page
from eksauth.authenticator.server.view import View

_log = logging.getLogger(LOGGER_NAME)
_CONNECTIONS = 64
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_TYPES = {"css": "text/css", "js": "text/javascript"}
Handler = Callable[[web.BaseRequest], Awaitable[web.Response]]


class StatusSite:
    """The handler of the status port.

    :param hostname: a name that browsers may call the server by, besides addresses and ``localhost``. Pages are not
        shown under other names: those could be of a web page elsewhere that resolves its own name to this machine.
    """

    def __init__(self, view: View, hostname: str) -> None:
        self._view = view
        self._hostname = hostname.lower()
        self._assets = {
            f"/status.{kind}": files("eksauth.authenticator.server.status").joinpath(f"status.{kind}").read_bytes()
            for kind in _TYPES
        }

    async def __call__(self, request: web.BaseRequest) -> web.Response:
        """Answer one request."""
        try:
            response = await self._answer(request)
        except Exception:  # noqa: BLE001  must cost one request only
            _log.exception("status request failed")
            response = web.Response(text="internal error, see the log", status=500)
        response.headers.update(_HEADERS)
        return response

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        if request.method not in {"GET", "HEAD"}:
            return web.Response(text="expected GET", status=405, headers={"Allow": "GET, HEAD"})
        path = request.path
        if path == "/healthz":
            return web.Response(text="ok")
        if path == "/readyz":
            return readiness_answer(await self._view.ready(), request.query)
        if path == "/metrics":
            return web.Response(body=await self._view.metrics(), headers={"Content-Type": CONTENT_TYPE})
        if path in self._assets:
            kind = _TYPES[path.rpartition(".")[2]]
            return web.Response(body=self._assets[path], content_type=kind, charset="utf-8")
        if path not in {"/", "/status.json"}:
            return web.Response(text="no such path", status=404)
        if not self._known(request.host):
            return web.Response(text="the status page is not shown under this name", status=421)
        return await self._status(request)

    async def _status(self, request: web.BaseRequest) -> web.Response:
        reports, ready = await self._view.reports(), await self._view.ready()
        wanted, outcome = request.query.get("q", "")[:200], request.query.get("outcome", "")
        if request.path == "/status.json":
            decisions = matching(reports, wanted, outcome)
            processes = [msgspec.structs.replace(report, decisions=[]) for report in reports]
            body = msgspec.json.encode({"ready": ready, "processes": processes, "decisions": decisions})
            return web.Response(body=body, content_type="application/json")
        if not reports:
            return web.Response(text="no worker answers", status=503)
        text = status_page(reports, ready, time.time(), wanted=wanted, outcome=outcome)
        return web.Response(text=text, content_type="text/html")

    def _known(self, host: str) -> bool:
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        name = name.strip("[]").lower()
        if name in {"localhost", self._hostname}:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


class HealthSite:
    """The handler of the health port: ``ok`` for any path, as aws-iam-authenticator has it; ``/readyz`` is real."""

    def __init__(self, view: View) -> None:
        self._view = view

    async def __call__(self, request: web.BaseRequest) -> web.Response:
        """Answer one request."""
        if request.path == "/readyz":
            return readiness_answer(await self._view.ready(), request.query)
        return web.Response(text="ok")


class SideServer:
    """A plain HTTP listener."""

    def __init__(self, handler: Handler) -> None:
        self._server = _Bounded(handler, keepalive_timeout=30.0, access_log=None, lingering_time=1.0)
        self._listening: asyncio.Server | None = None
        self.port = 0

    async def start(self, address: str, port: int) -> None:
        """Listen.

        :raises ConfigError: when the address cannot be had.
        """
        listener = listen(address, port)
        self.port = listener.getsockname()[1]
        self._listening = await asyncio.get_running_loop().create_server(self._server, sock=listener)

    async def close(self) -> None:
        """Stop listening and cut what is left."""
        if self._listening is not None:
            self._listening.close()
        await self._server.shutdown(0.25)


class _Bounded(web.Server):
    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        if len(self.connections) > _CONNECTIONS:
            transport.abort()
