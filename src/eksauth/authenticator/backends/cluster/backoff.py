"""How long to wait before the next attempt: longer each time, up to a limit, and never all at the same moment."""

from __future__ import annotations

import random
from collections.abc import Callable

FIRST_SECONDS = 1.0
MOST_SECONDS = 30.0


class Backoff:
    """Doubles from ``first`` to ``most`` seconds; a random part of up to a half is taken off each.

    :param draw: gives numbers from 0 to 1.
    """

    def __init__(
        self, first: float = FIRST_SECONDS, most: float = MOST_SECONDS, draw: Callable[[], float] = random.random
    ) -> None:
        self._first = first
        self._most = most
        self._draw = draw
        self._next = first

    def reset(self) -> None:
        """Begin with the shortest wait again."""
        self._next = self._first

    def seconds(self, at_least: float = 0.0) -> float:
        """Return the next wait; ``at_least`` is what the other side asked for, and counts up to the limit."""
        wait = self._next * (1 - self._draw() / 2)
        self._next = min(self._next * 2, self._most)
        return max(wait, min(at_least, self._most))
