"""Looking up STS hosts without letting slow look-ups of some stand in the way of others.

``getaddrinfo`` blocks a thread for as long as DNS does not answer, and every event loop shares a handful of threads for
it. Whoever sends tokens chooses the names. So names that have resolved before have threads of their own, and when DNS
fails for one of them its last addresses are used: an outage of DNS alone logs nobody out.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeAlias

from aiohttp.abc import AbstractResolver, ResolveResult

_THREADS = 4
_MOST = 64
_WAITING = 64

Entry: TypeAlias = tuple[int, int, int, str, tuple[str | int, ...]]
LookUp: TypeAlias = Callable[[str, int, int], list[Entry]]


def system_look_up(host: str, port: int, family: int) -> list[Entry]:
    """Ask the operating system; blocks."""
    return socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)  # type: ignore[return-value]


class Resolver(AbstractResolver):
    """A resolver on ``getaddrinfo``, with daemon threads: one that hangs does not keep the process from ending.

    :param look_up: blocks until it has an answer; raises OSError.
    """

    def __init__(self, look_up: LookUp = system_look_up) -> None:
        self._look_up = look_up
        self._known = asyncio.Semaphore(_THREADS)
        self._strangers = asyncio.Semaphore(_THREADS)
        self._waiting = 0
        self._last: OrderedDict[str, list[ResolveResult]] = OrderedDict()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of ``host``.

        :raises OSError: it does not resolve, and never has; or too many strangers are being looked up.
        """
        last = self._last.get(host)
        if last is None and self._waiting >= _WAITING:
            raise OSError(None, "too many names are being looked up")
        self._waiting += last is None
        try:
            # whoever gives up waiting leaves the place to the next; the thread goes on by itself
            async with self._strangers if last is None else self._known:
                found = await _in_a_thread(lambda: self._look_up(host, port, family))
        except OSError:
            if last is None:
                raise
            return [{**address, "port": port} for address in last]
        finally:
            self._waiting -= last is None
        addresses = [_result(host, port, entry) for entry in found]
        if not addresses:
            raise OSError(None, "no addresses")
        self._last[host] = addresses
        self._last.move_to_end(host)
        while len(self._last) > _MOST:
            self._last.popitem(last=False)
        return addresses

    async def close(self) -> None:
        """Do nothing: there is nothing to let go of."""


async def _in_a_thread(look_up: Callable[[], list[Entry]]) -> list[Entry]:
    loop = asyncio.get_running_loop()
    result: asyncio.Future[list[Entry]] = loop.create_future()

    def settle(found: list[Entry] | None, error: OSError | None) -> None:
        if result.done():
            return
        if error is not None:
            result.set_exception(error)
        else:
            result.set_result(found or [])

    def work() -> None:
        found, failure = None, None
        try:
            found = look_up()
        except OSError as error:
            failure = error
        except UnicodeError:
            failure = OSError(None, "no host name")
        # the loop may have ended meanwhile
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, found, failure)

    threading.Thread(target=work, name="sts-names", daemon=True).start()
    return await result


def _result(host: str, port: int, entry: Entry) -> ResolveResult:
    family, _, protocol, _, where = entry
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return ResolveResult(hostname=host, host=str(where[0]), port=port, family=family, proto=protocol, flags=flags)
