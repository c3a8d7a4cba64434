"""A page on a loopback port that takes one answer from the browser (RFC 8252 section 7.3).

Anything on this machine, and any page in the browser, can talk to the port. So only the exact path is answered, only to
the exact host (a rebound name is another), and only an answer that carries the state counts, once. What does not fit is
refused and waiting goes on: a stranger can neither sign somebody in nor end a sign-in.
"""

from __future__ import annotations

import hmac
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, SimpleQueue
from socket import socket
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from eksauth.credentials.sso.pages import ALREADY, DONE, NOT_EXPECTED, REFUSED, headers, page

MAX_CONNECTIONS = 16
_IDLE_SECONDS = 10
_MAX_QUERY = 8192


@dataclass(frozen=True, slots=True)
class Callback:
    """The browser's answer: a code, or the error that the service named instead."""

    code: str | None = field(default=None, repr=False)
    error: str = ""


class Listener:
    """Listens on ``127.0.0.1`` at a free port; use as a context manager.

    :param path: of the page.
    :param state: what an answer must carry.
    """

    def __init__(self, path: str, state: str) -> None:
        self._server = _Server(path, state)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """Where the browser is sent."""
        return f"http://{self._server.host}{self._server.path}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wait(self, timeout: float) -> Callback | None:
        """Return the answer, or None when none came within ``timeout`` seconds; Ctrl-C ends it at once."""
        try:
            return self._server.found.get(timeout=timeout)
        except Empty:
            return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = False
    request_queue_size = MAX_CONNECTIONS

    def __init__(self, path: str, state: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.host = f"127.0.0.1:{self.server_address[1]}"
        self.path = path
        self.state = state
        self.found: SimpleQueue[Callback] = SimpleQueue()
        self._taken = threading.Lock()
        self._places = threading.BoundedSemaphore(MAX_CONNECTIONS)

    def is_first(self) -> bool:
        """Tell whether no answer was accepted before; from now on one is."""
        return self._taken.acquire(blocking=False)

    def server_bind(self) -> None:
        """Bind without the look-up of the host's name that the base class makes."""
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve on a thread; browsers hold connections open that they may never use."""
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


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _IDLE_SECONDS
    server_version = "eksauth"
    sys_version = ""

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        if self.headers.get_all("Host") != [self.server.host]:
            self._send(421, NOT_EXPECTED)
        elif address.path != self.server.path or address.netloc:
            self._send(404, NOT_EXPECTED)
        elif (callback := self._callback(address.query)) is None:
            self._send(400, NOT_EXPECTED)
        elif not self.server.is_first():
            self._send(409, ALREADY)
        else:
            try:
                self._send(200, REFUSED if callback.code is None else DONE)
            finally:  # after the page: whoever waits for the answer may end the process
                self.server.found.put(callback)

    def _callback(self, query: str) -> Callback | None:
        if len(query) > _MAX_QUERY:
            return None
        try:
            fields = parse_qs(query, keep_blank_values=True, max_num_fields=20, encoding="ascii", errors="strict")
        except ValueError:
            return None
        one = {name: values[0] for name, values in fields.items() if len(values) == 1}
        if not hmac.compare_digest(one.get("state", "").encode(), self.server.state.encode()):
            return None
        code, error = one.get("code"), one.get("error")
        if (code is None) == (error is None) or not (code or error or "").isprintable():
            return None
        return Callback(code or None, error or "") if code or error else None

    def _send(self, status: int, text: tuple[str, str]) -> None:
        content = page(*text)
        self.send_response(status)
        for name, value in headers(content):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """Answer what is no GET with the same small page; the base class would repeat what it was sent."""
        self.close_connection = True
        self._send(code, NOT_EXPECTED)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
        """Write no log: the address holds the code."""
