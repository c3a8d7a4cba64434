"""How long an answer of one STS host usually takes, and how many extra attempts may be spent on it. Pure."""

from __future__ import annotations

from collections import deque

_ENOUGH = 20
_RENEW_EVERY = 16
_QUANTILE = 0.95


class Pace:
    """Durations of the last answers of one host.

    :param shortest: seconds; a second attempt is never made sooner.
    :param unknown: seconds to wait while there are too few answers to go by.
    :param longest: seconds; a second attempt is never made later.
    """

    def __init__(self, *, shortest: float = 0.05, unknown: float = 2.0, longest: float = 3.0, kept: int = 128) -> None:
        self._shortest = shortest
        self._longest = longest
        self._durations: deque[float] = deque(maxlen=kept)
        self._since_renewed = 0
        self.patience = unknown
        """Seconds after which an answer is late: what 95 of 100 answers took at most."""

    def add(self, seconds: float) -> None:
        """Note how long an answer took."""
        self._durations.append(seconds)
        self._since_renewed += 1
        if len(self._durations) >= _ENOUGH and self._since_renewed >= _RENEW_EVERY:
            self._since_renewed = 0
            ordered = sorted(self._durations)
            slow = ordered[int(len(ordered) * _QUANTILE)]
            self.patience = min(max(slow, self._shortest), self._longest)


class Budget:
    """Extra attempts that are earned by ordinary ones, so that trouble is not answered with a multiple of the load.

    :param share: extra attempts per question.
    :param most: how many can be saved up; also what there is in the beginning.
    """

    def __init__(self, *, share: float = 0.2, most: float = 20.0) -> None:
        self._share = share
        self._most = most
        self._left = most

    def earn(self) -> None:
        """Note an ordinary attempt."""
        self._left = min(self._left + self._share, self._most)

    def take(self) -> bool:
        """Spend one extra attempt; False when there is none left."""
        if self._left < 1:
            return False
        self._left -= 1
        return True
