"""A circuit breaker: an STS host that gives no answers is left alone for a while, and tried with one question then.

Only the absence of answers counts. A refusal is an answer, and so is throttling: whoever sends bad tokens must not be
able to close a region to everybody else. Pure: the clock is a parameter.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

State = Literal["closed", "open", "half-open"]
Pass = Literal["ordinary", "probe"]


class Breaker:
    """Opens after a run of failures; lets one probe through after each pause; the first answer closes it.

    :param failures: how many attempts in a row must fail.
    :param span: seconds that the run must cover, so that one blip on many connections at once opens nothing.
    :param first_pause: seconds before the first probe; each failed probe doubles the pause.
    :param longest_pause: seconds. kube-apiserver tries five times within four seconds, so longer ones would refuse
        logins after the host is back; and a probe that hangs is a pause by itself.
    :param tick: monotonic seconds.
    """

    def __init__(
        self,
        *,
        failures: int = 10,
        span: float = 2.0,
        first_pause: float = 0.5,
        longest_pause: float = 1.0,
        tick: Callable[[], float] = time.monotonic,
    ) -> None:
        self._failures = failures
        self._span = span
        self._first_pause = first_pause
        self._longest_pause = longest_pause
        self._tick = tick
        self._run = 0
        self._since = 0.0
        self._pause = first_pause
        self._until: float | None = None
        self._probing = False

    @property
    def state(self) -> State:
        """Whether questions pass: all, none, or the next one only."""
        if self._until is None:
            return "closed"
        return "half-open" if self._probing or self._tick() >= self._until else "open"

    @property
    def failures_in_a_row(self) -> int:
        """Attempts that failed since the last answer."""
        return self._run

    def enter(self) -> Pass | None:
        """Ask to make an attempt; None means: not now. A probe must end in one of the three methods below."""
        if self._until is None:
            return "ordinary"
        if self._probing or self._tick() < self._until:
            return None
        self._probing = True
        return "probe"

    def answered(self) -> None:
        """Note an answer, of whichever attempt: the host lives."""
        self._run, self._until, self._probing, self._pause = 0, None, False, self._first_pause

    def failed(self, kind: Pass, began: float) -> None:
        """Note an attempt without an answer.

        :param began: when the attempt was made, on the breaker's clock.
        """
        self._since = min(self._since, began) if self._run else began
        self._run += 1
        if kind == "probe" and self._until is not None:
            self._probing = False
            self._pause = min(self._pause * 2, self._longest_pause)
            self._until = self._tick() + self._pause
        elif self._until is None and self._run >= self._failures and self._tick() - self._since >= self._span:
            self._until = self._tick() + self._pause

    def gave_up(self, kind: Pass) -> None:
        """Note an attempt that was ended from outside and says nothing; another may probe."""
        if kind == "probe":
            self._probing = False
