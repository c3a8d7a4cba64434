"""A small web server on loopback for the person's own browser: few connections, idle ones dropped, no log."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from typing import Any

MAX_CONNECTIONS = 16
IDLE_SECONDS = 10


class LoopbackServer(ThreadingHTTPServer):
    """Listens on ``127.0.0.1``; serves each connection on a thread, as browsers open some that they never use.

    :param port: 0 takes a free one.
    :raises OSError: when the port is taken.
    """

    daemon_threads = True
    allow_reuse_address = False
    request_queue_size = MAX_CONNECTIONS

    def __init__(self, handler: type[BaseHTTPRequestHandler], port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), handler)
        self.port = int(self.server_address[1])
        self._places = threading.BoundedSemaphore(MAX_CONNECTIONS)

    @property
    def hosts(self) -> tuple[str, str]:
        """What a browser that was sent here says for a host; any other name was made to point here."""
        return f"127.0.0.1:{self.port}", f"localhost:{self.port}"

    def server_bind(self) -> None:
        """Bind without the look-up of the host's name that the base class makes."""
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve on a thread while there is room."""
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:
        """Say nothing: a broken connection is the browser's business."""
