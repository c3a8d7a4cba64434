"""A page on a loopback port to which the identity provider's page posts the SAML response in the person's own browser.

Anything on this machine, and any page in the browser, can talk to the port. So only a form that a browser was sent to
post counts, to the exact host (a rebound name is another) and path; what is no SAML response is refused and waiting
goes on. A response that somebody slips in gains them nothing: STS accepts it only for the role that is configured here.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from urllib.parse import parse_qs, urlsplit

from eksauth.credentials.loopback_page import ALREADY, NOT_EXPECTED
from eksauth.credentials.loopback_server import Listening, LoopbackHandler, LoopbackServer
from eksauth.credentials.plain_http import is_loopback
from eksauth.credentials.saml.assertion import MAX_BASE64_CHARS

PATH = "/saml"
MAX_BODY_BYTES = 3 * MAX_BASE64_CHARS + (64 << 10)
"""Each character may be escaped as three, and a RelayState goes with it."""

DONE = ("Almost done", "eksauth has the answer of the identity provider. Go back to the terminal; close this window.")
FAILED = ("Not signed in", "The answer of the identity provider cannot be used. The terminal says more.")

Judge = Callable[[bytes], bool | None]
"""True: usable; False: an answer, but of a sign-in that failed; None: no answer at all."""


class Listener(Listening[bytes]):
    """Listens on ``127.0.0.1``; use as a context manager.

    :param port: 0 takes a free one.
    :param judge: says of each posted response whether waiting is over.
    :raises OSError: when the port is taken.
    """

    def __init__(self, port: int, judge: Judge) -> None:
        server = _Server(port, judge)
        super().__init__(server, server.found)
        self.url = f"http://{server.hosts[0]}{PATH}"
        """Where the identity provider has the browser post to: the assertion consumer service."""


class _Server(LoopbackServer):
    def __init__(self, port: int, judge: Judge) -> None:
        super().__init__(_Handler, port)
        self.judge = judge
        self.found: SimpleQueue[bytes] = SimpleQueue()


class _Handler(LoopbackHandler):
    server: _Server

    def do_POST(self) -> None:  # noqa: N802  the base class looks for this name
        refused = self._refusal()
        if refused is not None:
            self.send_page(refused, NOT_EXPECTED)
            return
        response = self._posted()
        usable = None if response is None else self.server.judge(response)
        if response is None or usable is None:
            self.send_page(400, FAILED)
        elif not self.server.is_first():
            self.send_page(409, ALREADY)
        else:
            try:
                self.send_page(200, DONE if usable else FAILED)
            finally:  # after the page: whoever waits for the answer may end the process
                self.server.found.put(response)

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


def _is_a_browsers(origin: str | None) -> bool:
    """Tell whether a page of this origin may post here: https, this machine, or one that the browser does not name."""
    if origin is None or origin == "null":
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
