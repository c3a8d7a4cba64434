"""A token bucket: so many calls a second, and so many at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

_ONE = 1 - 1e-9
"""What counts as a whole call: sums of fractions of a second never quite add up to one."""


class RateLimit:
    """Lets callers pass in the order in which they came.

    :param qps: calls a second in the long run.
    :param burst: calls that may go at once after a pause.
    """

    def __init__(
        self,
        qps: float,
        burst: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._qps = qps
        self._burst = burst
        self._clock = clock
        self._sleep = sleep
        self._left = float(burst)
        self._at = clock()
        self._turn = asyncio.Lock()

    async def take(self) -> None:
        """Wait for a turn."""
        async with self._turn:
            self._refill()
            while self._left < _ONE:
                await self._sleep((1 - self._left) / self._qps)
                self._refill()
            self._left -= 1

    def _refill(self) -> None:
        now = self._clock()
        self._left = min(float(self._burst), self._left + max(0.0, now - self._at) * self._qps)
        self._at = now
