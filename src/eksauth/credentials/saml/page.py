"""A page on a loopback port to which the identity provider's page posts the SAML response in the person's own browser.

Anything on this machine, and any page in the browser, can talk to the port. So only a form that a browser was sent to
post counts, to the exact host (a rebound name is another) and path; what is no SAML response is refused and waiting
goes on. A response that somebody slips in gains them nothing: STS accepts it only for the role that is configured here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

from eksauth.credentials.loopback_server import IDLE_SECONDS, LoopbackServer
from eksauth.credentials.plain_http import is_loopback
from eksauth.credentials.saml.assertion import MAX_BASE64_CHARS
from eksauth.credentials.sso.pages import headers, page

PATH = "/saml"
MAX_BODY_BYTES = 3 * MAX_BASE64_CHARS + (64 << 10)
"""Each character may be escaped as three, and a RelayState goes with it."""

DONE = ("Almost done", "eksauth has the answer of the identity provider. Go back to the terminal; close this window.")
FAILED = ("Not signed in", "The answer of the identity provider cannot be used. The terminal says more.")
ALREADY = ("Already answered", "This sign-in was answered before. Go back to the terminal.")
NOT_EXPECTED = ("Nothing here", "This address only takes the answer of a sign-in that eksauth has begun.")

Judge = Callable[[bytes], bool | None]
"""True: usable; False: an answer, but of a sign-in that failed; None: no answer at all."""


class Listener:
    """Listens on ``127.0.0.1``; use as a context manager.

    :param port: 0 takes a free one.
    :param judge: says of each posted response whether waiting is over.
    :raises OSError: when the port is taken.
    """

    def __init__(self, port: int, judge: Judge) -> None:
        self._server = _Server(port, judge)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """Where the identity provider has the browser post to: the assertion consumer service."""
        return f"http://127.0.0.1:{self._server.port}{PATH}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wait(self, timeout: float) -> bytes | None:
        """Return the response, or None when none came within ``timeout`` seconds; Ctrl-C ends it at once."""
        try:
            return self._server.found.get(timeout=timeout)
        except Empty:
            return None


class _Server(LoopbackServer):
    def __init__(self, port: int, judge: Judge) -> None:
        super().__init__(_Handler, port)
        self.judge = judge
        self.found: SimpleQueue[bytes] = SimpleQueue()
        self._taken = threading.Lock()

    def take(self, response: bytes) -> bool:
        """Accept a response unless there was one."""
        if not self._taken.acquire(blocking=False):
            return False
        self.found.put(response)
        return True


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = IDLE_SECONDS
    server_version = "eksauth"
    sys_version = ""

    def do_POST(self) -> None:
        refused = self._refusal()
        if refused is not None:
            self._send(refused, NOT_EXPECTED)
            return
        response = self._posted()
        usable = None if response is None else self.server.judge(response)
        if response is None or usable is None:
            self._send(400, FAILED)
        elif not self.server.take(response):
            self._send(409, ALREADY)
        else:
            self._send(200, DONE if usable else FAILED)

    def _refusal(self) -> int | None:
        """Return the status for what is no form that a browser was sent to post here."""
        hosts = self.headers.get_all("Host") or []
        if len(hosts) != 1 or hosts[0] not in self.server.hosts:
            return 421
        if self.path != PATH:
            return 404
        if (
            not _is_a_browsers(self.headers.get("Origin"))
            or self.headers.get("Sec-Fetch-Mode", "navigate") != "navigate"
        ):
            return 403
        if self.headers.get_content_type() != "application/x-www-form-urlencoded":
            return 415
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()) or self.headers.get("Transfer-Encoding"):
            return 411
        return 413 if int(length[:12]) > MAX_BODY_BYTES else None

    def _posted(self) -> bytes | None:
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) != length:
            return None
        try:
            fields = parse_qs(body.decode("ascii"), max_num_fields=20, encoding="ascii", errors="strict")
        except ValueError:
            return None
        values = fields.get("SAMLResponse", [])
        return values[0].encode() if len(values) == 1 else None

    def _send(self, status: int, text: tuple[str, str]) -> None:
        self.close_connection = True
        content = page(*text)
        self.send_response(status)
        for name, value in headers(content):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """Answer what is no POST with the same small page; the base class would repeat what it was sent."""
        self._send(code, NOT_EXPECTED)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
        """Write no log."""


def _is_a_browsers(origin: str | None) -> bool:
    """Tell whether a page of this origin may post here: https, this machine, or one that the browser does not name."""
    if origin is None or origin == "null":
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
