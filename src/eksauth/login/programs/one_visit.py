"""Giving a browser an address without showing it to everybody: command lines can be read by all users of a machine.

The browser gets the address of a page on loopback whose name is random; its one visit is answered with a redirect.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

from eksauth.credentials.loopback_server import IDLE_SECONDS, LoopbackServer

VISIT_SECONDS = 60.0


def visit_once(url: str, browse: Callable[[str], bool], *, wait: float = VISIT_SECONDS) -> bool:
    """Let ``browse`` open an address that leads to ``url`` once, and tell whether somebody came in time.

    :param browse: opens a browser and returns whether it could.
    :raises OSError: when there is no port to listen on.
    """
    server = _Server(_Handler)
    server.target, server.path = url, f"/{secrets.token_urlsafe(24)}"
    server.host = server.hosts[0]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="visit", daemon=True)
    thread.start()
    try:
        return browse(f"http://{server.host}{server.path}") and server.visited.wait(wait)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(LoopbackServer):
    target: str
    path: str
    host: str

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(handler)
        self.visited = threading.Event()
        self._taken = threading.Lock()

    def is_first(self) -> bool:
        """Tell whether nobody was sent on before; from now on somebody is."""
        return self._taken.acquire(blocking=False)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = IDLE_SECONDS
    server_version = "eksauth"
    sys_version = ""

    def do_GET(self) -> None:
        """Send the first visitor on, and nobody else."""
        known = self.path == self.server.path and self.headers.get_all("Host") == [self.server.host]
        if not known or not self.server.is_first():
            self.send_error(404)
            return
        self.send_response(303)
        self.send_header("Location", self.server.target)
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.wfile.flush()
        self.server.visited.set()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class calls it so
        """Write nothing: the page's name is a secret."""
