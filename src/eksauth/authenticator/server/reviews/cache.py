"""A bounded memory of decisions, so that STS is asked once per token and not once per API server and TTL.

Each API server asks again for every token that its own cache (two minutes by default) has forgotten; a token lives for
fifteen minutes. Grants are remembered until the token dies or the TTL is over, refusals for seconds, in a room of their
own so that a flood of bad tokens cannot push good ones out. A refusal is whatever lets nobody in, also an identity that
STS vouches for and no mapping knows: anybody can have those. The key is a digest: tokens are not kept. Outages must
never be put here; that is the caller's duty.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Generic, TypeVar

Value = TypeVar("Value")
Clock = Callable[[], float]


def cache_key(cluster_id: str, unverified_token: str) -> bytes:
    """Return the key of a token on a cluster: 32 bytes from which neither can be read."""
    digest = sha256(cluster_id.encode("utf-8", "surrogatepass"))
    digest.update(b"\0")
    digest.update(unverified_token.encode("utf-8", "surrogatepass"))
    return digest.digest()


class VerificationCache(Generic[Value]):
    """Two least-recently-used rooms, one for grants and one for refusals.

    :param ttl: seconds that a grant is good for at most; 0 keeps none.
    :param negative_ttl: seconds that a refusal is good for; 0 keeps none.
    :param size: how many grants are kept.
    :param negative_size: how many refusals are kept.
    :param wall: epoch seconds; a token's own end of life is compared with it.
    :param tick: monotonic seconds; the TTLs are measured with it, so that a clock set back prolongs nothing.
    """

    def __init__(
        self,
        *,
        ttl: float,
        negative_ttl: float,
        size: int,
        negative_size: int,
        wall: Clock = time.time,
        tick: Clock = time.monotonic,
    ) -> None:
        self._ttl = ttl
        self._negative_ttl = negative_ttl
        self._size = size if ttl > 0 else 0
        self._negative_size = negative_size if negative_ttl > 0 else 0
        self._wall = wall
        self._tick = tick
        self._grants: OrderedDict[bytes, tuple[Value, float, float]] = OrderedDict()
        self._refusals: OrderedDict[bytes, tuple[Value, float, float]] = OrderedDict()

    def get(self, key: bytes) -> Value | None:
        """Return what was decided about ``key``, or None when that is unknown or too old."""
        grant = self._grants.get(key)
        if grant is not None:
            value, until_tick, until_wall = grant
            if self._tick() < until_tick and self._wall() < until_wall:
                self._grants.move_to_end(key)
                return value
            del self._grants[key]
        refusal = self._refusals.get(key)
        if refusal is not None:
            value, until_tick, until_wall = refusal
            if self._tick() < until_tick and self._wall() < until_wall:
                self._refusals.move_to_end(key)
                return value
            del self._refusals[key]
        return None

    def put_grant(self, key: bytes, value: Value, valid_until: float) -> None:
        """Remember a grant until ``valid_until`` (epoch seconds, the end of the token's life) or until the TTL ends."""
        self._refusals.pop(key, None)
        if valid_until > self._wall():
            _put(self._grants, key, (value, self._tick() + self._ttl, valid_until), self._size)

    def put_refusal(self, key: bytes, value: Value, valid_until: float = math.inf) -> None:
        """Remember a refusal for the negative TTL, at most until ``valid_until``; a grant of the token is forgotten."""
        self._grants.pop(key, None)
        _put(self._refusals, key, (value, self._tick() + self._negative_ttl, valid_until), self._negative_size)

    def clear(self) -> None:
        """Forget everything, for example because the mappings changed."""
        self._grants.clear()
        self._refusals.clear()

    def counts(self) -> tuple[int, int]:
        """Return how many grants and refusals are held, dead ones that nobody asked for included."""
        return len(self._grants), len(self._refusals)


class SingleFlight(Generic[Value]):
    """Lets everybody who wants the same thing at the same time share one attempt to get it."""

    def __init__(self) -> None:
        self._flights: dict[bytes, asyncio.Task[Value]] = {}

    def __len__(self) -> int:
        return len(self._flights)

    def __contains__(self, key: bytes) -> bool:
        return key in self._flights

    async def run(self, key: bytes, attempt: Callable[[], Awaitable[Value]]) -> Value:
        """Return the result of ``attempt``, or of one that is under way for ``key``.

        A caller that is cancelled leaves; the attempt goes on for the others. An exception reaches every caller.
        """
        flight = self._flights.get(key)
        if flight is None:
            flight = asyncio.create_task(_begin(attempt))
            self._flights[key] = flight
            flight.add_done_callback(lambda done: self._landed(key, done))
        return await asyncio.shield(flight)

    async def abandon(self) -> None:
        """Cancel every attempt and wait until each has ended."""
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    def _landed(self, key: bytes, flight: asyncio.Task[Value]) -> None:
        del self._flights[key]
        if not flight.cancelled():
            # everybody may have left: an error that nobody reads is no news
            flight.exception()


Entry = TypeVar("Entry")


def _put(room: OrderedDict[bytes, Entry], key: bytes, entry: Entry, size: int) -> None:
    if size <= 0:
        return
    room[key] = entry
    room.move_to_end(key)
    while len(room) > size:
        room.popitem(last=False)


async def _begin(attempt: Callable[[], Awaitable[Value]]) -> Value:
    return await attempt()
