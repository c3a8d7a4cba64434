"""The short way for the usual request: a whole TokenReview in one piece, about a token that is remembered.

An API server asks the same question over a kept connection, again and again. Those requests are answered here,
straight from the bytes: no stream, task or response object. Whatever is not exactly of that form, or needs anybody to
wait, goes the ordinary way through aiohttp, which then sees every byte of it. The numbers are in
``docs/explanation/authenticator-under-load.md``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from email.utils import formatdate
from time import time

from aiohttp import web

Answer = Callable[[bytes, str], bytes | None]
"""Takes the body of a request to /authenticate and the client's address; returns the body of a 200, or None."""
_HEAD = re.compile(
    rb"POST /authenticate(?:\?[!-~]*)? HTTP/1\.1\r\n"
    rb"(?:(?:host|user-agent|accept|accept-encoding|content-length|content-type|traceparent): ?[ -~]*\r\n)+"
    rb"\r\n",
    re.IGNORECASE,
)
"""Header fields that say nothing about how the message is framed, and nothing that an answer depends on."""
_LENGTH = re.compile(rb"\r\ncontent-length: ?([0-9]{1,8})\r\n", re.IGNORECASE)
_HEADS = 64
_NONE = -1


class Heads:
    """The lengths of bodies by request head: an API server repeats its heads byte for byte."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: dict[bytes, int] = {}

    def body_length(self, head: bytes) -> int:
        """Return how long the body is, or -1 when the head is not of the usual form or announces too much."""
        length = self._known.get(head)
        if length is None:
            length = _body_length(head)
            if length > self._most:
                length = _NONE
            if len(self._known) >= _HEADS:
                self._known.clear()
            self._known[head] = length
        return length


def _body_length(head: bytes) -> int:
    if _HEAD.fullmatch(head) is None:
        return _NONE
    # line ends overlap: a second length right behind the first must be seen
    lengths = _LENGTH.findall(head.replace(b"\r\n", b"\r\n\r\n"))
    return int(lengths[0]) if len(lengths) == 1 else _NONE


class FastHandler(web.RequestHandler):
    """aiohttp's protocol, with the short way in front.

    It looks at three private attributes of aiohttp's class to know that nothing else is under way; a test fails when
    they are gone. :attr:`short_way` is set by the server that makes it.
    """

    __slots__ = ("client", "heads", "heard", "idle_timeout", "short_way")

    short_way: Answer
    heads: Heads
    heard: Callable[[web.RequestHandler], None]
    idle_timeout: float
    client: str

    def data_received(self, data: bytes) -> None:
        """Answer at once, or leave it to aiohttp."""
        waiter = self._waiter
        if (
            waiter is not None
            and not waiter.done()
            and not self._messages
            and not self._close
            and not self._force_close
            and not self._paused
            and data.startswith(b"POST /authenticate")
        ):
            end = data.find(b"\r\n\r\n") + 4
            length = self.heads.body_length(data[:end]) if end >= 4 else _NONE
            if length == len(data) - end:
                answer = self.short_way(data[end:], self.client)
                if answer is not None and self.transport is not None:
                    self.heard(self)
                    self._next_keepalive_close_time = self._loop.time() + self.idle_timeout
                    self.transport.write(
                        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\nDate: %s\r\n\r\n%s"
                        % (len(answer), _date(int(time())), answer)
                    )
                    return
        super().data_received(data)


_dates: dict[int, bytes] = {}


def _date(second: int) -> bytes:
    date = _dates.get(second)
    if date is None:
        _dates.clear()
        date = _dates[second] = formatdate(second, usegmt=True).encode()
    return date
