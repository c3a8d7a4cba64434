"""A small web server on loopback for the person's own browser: few connections, idle ones dropped, no log.

Anything on this machine, and any page in the browser, can talk to the port. What counts as an answer is the business of
the handler; here an answer counts once, and what is refused ends no waiting.
"""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, SimpleQueue
from socket import socket
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from eksauth.credentials.loopback_page import NOT_EXPECTED, headers, page

Answer = TypeVar("Answer")

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
        self._taken = threading.Lock()

    def is_first(self) -> bool:
        """Tell whether no answer was accepted before; from now on one is."""
        return self._taken.acquire(blocking=False)

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


class LoopbackHandler(BaseHTTPRequestHandler):
    """Answers with small pages that repeat nothing of what was sent."""

    timeout = IDLE_SECONDS
    server_version = "eksauth"
    sys_version = ""

    def send_page(self, status: int, text: tuple[str, str]) -> None:
        """Send a title and a sentence, and close."""
        self.close_connection = True
        content = page(*text)
        self.send_response(status)
        for name, value in headers(content):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """Answer other methods with a page too; the base class would repeat what it was sent."""
        self.send_page(code, NOT_EXPECTED)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
        """Write no log: addresses hold codes."""


class Listening(Generic[Answer]):
    """A server that waits for one answer; use as a context manager.

    :param found: where its handler puts the answer.
    """

    def __init__(self, server: LoopbackServer, found: SimpleQueue[Answer]) -> None:
        self._server = server
        self._found = found
        self._thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wait(self, timeout: float) -> Answer | None:
        """Return the answer, or None when none came within ``timeout`` seconds; Ctrl-C ends it at once."""
        try:
            return self._found.get(timeout=timeout)
        except Empty:
            return None
