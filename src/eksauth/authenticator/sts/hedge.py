"""A second attempt at the same question while the first one is late; whichever answers first counts.

GetCallerIdentity changes nothing, so asking twice is safe. One lost packet or one connection that died without a word
costs seconds otherwise.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")


class Hedge(Generic[Value]):
    """One question that may be asked twice.

    :param ask: makes an attempt.
    :param patience: seconds until the second attempt.
    :param may: asked right before it; False leaves it at one.
    :param counts: tells whether an exception of the second attempt is an answer, which ends the first one.
    """

    def __init__(
        self,
        ask: Callable[[], Coroutine[Any, Any, Value]],
        *,
        patience: float,
        may: Callable[[], bool],
        counts: Callable[[BaseException], bool],
    ) -> None:
        self._ask = ask
        self._patience = patience
        self._may = may
        self._counts = counts
        self._second: asyncio.Task[Value] | None = None
        self._first: asyncio.Task[Any] | None = None
        self.second_won = False

    @property
    def asked_twice(self) -> bool:
        """Whether there was a second attempt."""
        return self._second is not None

    async def run(self) -> Value:
        """Return or raise what the first attempt to answer came to; without an answer, what the last one raised."""
        first = self._first = asyncio.current_task()
        assert first is not None  # noqa: S101  coroutines run in tasks
        cancellations = first.cancelling()
        timer = asyncio.get_running_loop().call_later(self._patience, self._begin_second)
        try:
            try:
                return await self._ask()
            except asyncio.CancelledError:
                if not self.second_won or first.uncancel() > cancellations:
                    raise
            except Exception as error:
                if self._second is None or self._counts(error):
                    raise
            finally:
                self._first = None
                timer.cancel()
            # the second one has answered, or is the only one left
            assert self._second is not None  # noqa: S101
            return await self._second
        finally:
            if self._second is not None:
                self._second.cancel()

    def _begin_second(self) -> None:
        if self._first is not None and self._may():
            self._second = asyncio.create_task(self._ask())
            self._second.add_done_callback(self._second_done)

    def _second_done(self, second: asyncio.Task[Value]) -> None:
        error = None if second.cancelled() else second.exception()
        if second.cancelled() or self._first is None or (error is not None and not self._counts(error)):
            return
        self.second_won = True
        self._first.cancel()
