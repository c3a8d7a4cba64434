"""What the endpoint was asked: the last requests, and counters that never forget."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any

import msgspec

_REMEMBERED = 1000


class LoggedRequest(msgspec.Struct, frozen=True):
    """One request, without anything secret.

    :param at: seconds since the epoch, by the endpoint's own clock.
    :param code: the error code of the answer, empty on success; ``reset`` (and status 0) when the connection was cut on
        order.
    """

    at: float
    service: str
    action: str
    region: str
    host: str
    access_key_id: str
    principal: str
    status: int
    code: str


class RequestLog:
    """The last thousand requests and the number of all, by action and outcome."""

    def __init__(self) -> None:
        self._last: deque[LoggedRequest] = deque(maxlen=_REMEMBERED)
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, entry: LoggedRequest) -> None:
        """Remember one request."""
        self._last.append(entry)
        self._counts[f"{entry.service}:{entry.action}", entry.code or str(entry.status)] += 1

    def clear(self) -> None:
        """Forget everything."""
        self._last.clear()
        self._counts.clear()

    def count(self, action: str) -> int:
        """Return how often an action (``sts:AssumeRole``) was asked for, whatever the outcome."""
        return sum(number for (name, _), number in self._counts.items() if name == action)

    def as_json(self) -> dict[str, Any]:
        """Return counters (action, then outcome) and the last requests, oldest first."""
        counts: dict[str, dict[str, int]] = {}
        for (action, outcome), number in sorted(self._counts.items()):
            counts.setdefault(action, {})[outcome] = number
        return {"counts": counts, "requests": [msgspec.structs.asdict(entry) for entry in self._last]}
