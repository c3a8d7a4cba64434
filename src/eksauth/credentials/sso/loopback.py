"""A page on a loopback port that takes one answer from the browser (RFC 8252 section 7.3).

Anything on this machine, and any page in the browser, can talk to the port. So only the exact path is answered, only to
the exact host (a rebound name is another), and only an answer that carries the state counts, once. What does not fit is
refused and waiting goes on: a stranger can neither sign somebody in nor end a sign-in.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from queue import SimpleQueue
from urllib.parse import parse_qs, urlsplit

from eksauth.credentials.loopback_page import ALREADY, NOT_EXPECTED
from eksauth.credentials.loopback_server import Listening, LoopbackHandler, LoopbackServer

_MAX_QUERY = 8192
DONE = ("Almost done", "eksauth has the answer of the portal. Go back to the terminal; this window can be closed.")
REFUSED = ("Not signed in", "The portal refused the sign-in. The terminal says more; this window can be closed.")


@dataclass(frozen=True, slots=True)
class Callback:
    """The browser's answer: a code, or the error that the service named instead."""

    code: str | None = field(default=None, repr=False)
    error: str = ""


class Listener(Listening[Callback]):
    """Listens on ``127.0.0.1`` at a free port; use as a context manager.

    :param path: of the page.
    :param state: what an answer must carry.
    """

    def __init__(self, path: str, state: str) -> None:
        server = _Server(path, state)
        super().__init__(server, server.found)
        self.url = f"http://{server.host}{path}"
        """Where the browser is sent."""


class _Server(LoopbackServer):
    def __init__(self, path: str, state: str) -> None:
        super().__init__(_Handler)
        self.host = self.hosts[0]
        self.path = path
        self.state = state
        self.found: SimpleQueue[Callback] = SimpleQueue()


class _Handler(LoopbackHandler):
    server: _Server

    def do_GET(self) -> None:  # noqa: N802  the base class looks for this name
        address = urlsplit(self.path)
        if self.headers.get_all("Host") != [self.server.host]:
            self.send_page(421, NOT_EXPECTED)
        elif address.path != self.server.path or address.netloc:
            self.send_page(404, NOT_EXPECTED)
        elif (callback := self._callback(address.query)) is None:
            self.send_page(400, NOT_EXPECTED)
        elif not self.server.is_first():
            self.send_page(409, ALREADY)
        else:
            try:
                self.send_page(200, REFUSED if callback.code is None else DONE)
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
