"""How much of the server one peer address may use.

API servers are few, and whoever reaches them sends tokens through them. So the limits are generous: they keep one API
server that is flooded from taking the places of the others. What is answered from memory never counts.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable

_MOST_BUCKETS = 4096


class Sources:
    """Counts what is under way for each address.

    :param at_once: verifications under way for one address.
    :param per_second: verifications begun for one address; 0 for no limit. Twice as many may come in one burst.
    :param connections: open connections of one address, those in their TLS handshake included.
    :param tick: monotonic seconds.
    """

    def __init__(
        self, *, at_once: int, per_second: float, connections: int, tick: Callable[[], float] = time.monotonic
    ) -> None:
        self._at_once = at_once
        self._per_second = per_second
        self._most_connections = connections
        self._tick = tick
        self._under_way: Counter[str] = Counter()
        self._connections: Counter[str] = Counter()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def begin(self, source: str) -> bool:
        """Ask to begin a verification; False: not now. Each one that began must :meth:`end`."""
        if self._under_way[source] >= self._at_once or not self._take(source):
            return False
        self._under_way[source] += 1
        return True

    def end(self, source: str) -> None:
        """Note the end of a verification."""
        _less(self._under_way, source)

    def connect(self, source: str) -> bool:
        """Ask to open a connection; False: too many. Each one that opened must :meth:`disconnect`."""
        if self._connections[source] >= self._most_connections:
            return False
        self._connections[source] += 1
        return True

    def disconnect(self, source: str) -> None:
        """Note the end of a connection."""
        _less(self._connections, source)

    def remembered(self) -> int:
        """Return how many addresses are held in memory."""
        return len(self._under_way.keys() | self._connections.keys() | self._buckets.keys())

    def _take(self, source: str) -> bool:
        if self._per_second <= 0:
            return True
        now, most = self._tick(), max(self._per_second * 2, 1)
        left, then = self._buckets.get(source, (most, now))
        left = min(left + (now - then) * self._per_second, most)
        allowed = left >= 1
        self._buckets[source] = (left - allowed, now)
        self._buckets.move_to_end(source)
        while len(self._buckets) > _MOST_BUCKETS:
            self._buckets.popitem(last=False)
        return allowed


def _less(counter: Counter[str], source: str) -> None:
    counter[source] -= 1
    if counter[source] <= 0:
        del counter[source]
