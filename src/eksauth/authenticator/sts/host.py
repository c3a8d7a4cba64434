"""Asking one STS host: so many questions at once, again when that may help, and not at all while it is down."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from eksauth.authenticator.identity import CallerIdentity
from eksauth.authenticator.sts.breaker import Breaker, Pass
from eksauth.authenticator.sts.client import StsApi, StsQuestion, StsRefused, StsUnavailable
from eksauth.authenticator.sts.hedge import Hedge
from eksauth.authenticator.sts.pace import Budget, Pace

AGAIN = frozenset(("sts.unreachable", "sts.server_error", "sts.throttled"))
"""Outages after which another attempt a moment later may succeed. A timeout is not among them: its time is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLimits:
    """How one host is asked; times in seconds.

    :param at_once: questions under way.
    :param waiting: further questions that wait for a place; more are ``sts.busy``.
    :param attempts: at most for one question, the second of a late one not counted.
    :param backoff: before the second attempt; doubled before each further one, and spread by half.
    :param retry_until: no attempt begins later than this after the question.
    """

    at_once: int = 64
    waiting: int = 192
    attempts: int = 3
    backoff: float = 0.1
    retry_until: float = 8.0


class Observer(Protocol):
    """Is told of extra attempts."""

    def retried(self, host: str) -> None:
        """Take note of another attempt after a failed one."""

    def hedged(self, host: str, *, won: bool) -> None:
        """Take note of a second attempt at a late question, and whether it answered first."""

    def circuit(self, host: str, *, is_open: bool) -> None:
        """Take note that a host is left alone from now on, or asked again."""


class NoObserver:
    """Is told and forgets."""

    def retried(self, host: str) -> None:
        """Forget it."""

    def hedged(self, host: str, *, won: bool) -> None:
        """Forget it."""

    def circuit(self, host: str, *, is_open: bool) -> None:
        """Forget it."""


class StsHost:
    """One host and what is known about it.

    :ivar last_answer: when it last answered anything, on the monotonic clock; None before the first.
    :ivar last_failure: when it last gave no answer; None before the first.
    """

    def __init__(
        self,
        name: str,
        sts: StsApi,
        *,
        limits: HostLimits,
        observer: Observer,
        breaker: Breaker | None = None,
        tick: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.breaker = breaker or Breaker(tick=tick)
        self.pace = Pace()
        self.last_answer: float | None = None
        self.last_failure: float | None = None
        self.last_reason = ""
        self.questions = 0
        """Under way or waiting."""
        self._sts = sts
        self._limits = limits
        self._observer = observer
        self._tick = tick
        self._places = asyncio.Semaphore(limits.at_once)
        self._budget = Budget()

    async def ask(self, question: StsQuestion) -> CallerIdentity:
        """Return who signed ``question``.

        :raises StsRefused: STS refuses it.
        :raises StsUnavailable: no answer; ``sts.circuit_open`` or ``sts.busy`` without having asked.
        """
        if self.questions >= self._limits.at_once + self._limits.waiting:
            raise StsUnavailable(
                f"{self.name} was not asked: {self.questions} questions to it are under way",
                hint="look at the latency of STS in this region, and for tokens that nobody should send",
                code="sts.busy",
            )
        if self.breaker.state == "open":
            raise self._circuit_open()
        self.questions += 1
        try:
            async with self._places:
                return await self._attempts(question)
        finally:
            self.questions -= 1

    async def _attempts(self, question: StsQuestion) -> CallerIdentity:
        limits, start, attempt = self._limits, self._tick(), 1
        self._budget.earn()
        while True:
            try:
                return await self._attempt(question)
            except StsUnavailable as error:
                pause = limits.backoff * 2 ** (attempt - 1) * random.uniform(0.5, 1.5)  # noqa: S311  no secret
                if (
                    error.code not in AGAIN
                    or attempt == limits.attempts
                    or self._tick() - start + pause > limits.retry_until
                    or self.breaker.state != "closed"
                    or not self._budget.take()
                ):
                    raise
            attempt += 1
            self._observer.retried(self.name)
            await asyncio.sleep(pause)

    async def _attempt(self, question: StsQuestion) -> CallerIdentity:
        kind = self.breaker.enter()
        if kind is None:
            raise self._circuit_open()
        began = self._tick()
        try:
            caller = await self._maybe_twice(kind, question)
        except StsRefused:
            self._answered(began)
            raise
        except StsUnavailable as error:
            if error.code == "sts.throttled":
                self._answered(began)
            else:
                self._failed(kind, began, error.code)
            raise
        except BaseException:
            self.breaker.gave_up(kind)
            raise
        self._answered(began)
        return caller

    async def _maybe_twice(self, kind: Pass, question: StsQuestion) -> CallerIdentity:
        if kind == "probe":
            return await self._sts.get_caller_identity(question)
        hedge = Hedge(
            lambda: self._sts.get_caller_identity(question),
            patience=self.pace.patience,
            may=self._budget.take,
            counts=_is_answer,
        )
        try:
            return await hedge.run()
        finally:
            if hedge.asked_twice:
                self._observer.hedged(self.name, won=hedge.second_won)

    def _answered(self, began: float) -> None:
        now = self._tick()
        self.last_answer = now
        self.pace.add(now - began)
        was_open = self.breaker.state != "closed"
        self.breaker.answered()
        if was_open:
            self._observer.circuit(self.name, is_open=False)

    def _failed(self, kind: Pass, began: float, code: str) -> None:
        self.last_failure, self.last_reason = self._tick(), code
        before = self.breaker.state
        self.breaker.failed(kind, began)
        if before == "closed" and self.breaker.state != "closed":
            self._observer.circuit(self.name, is_open=True)

    def _circuit_open(self) -> StsUnavailable:
        return StsUnavailable(
            f"{self.name} was not asked: it gave no answer {self.breaker.failures_in_a_row} times in a row "
            f"({self.last_reason})",
            hint="check the route to STS in this region; it is tried again every second",
            code="sts.circuit_open",
        )


def _is_answer(error: BaseException) -> bool:
    return isinstance(error, StsRefused)
