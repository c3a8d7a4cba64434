"""Private DNS names of EC2 instances, asked for in batches and remembered within bounds.

A thousand nodes that start at once cost a dozen calls. Names that were found are kept for long, since an instance never
gets another one; that an instance has none is believed for a moment only, because it may just be starting.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from eksauth.authenticator.nodes.rate import RateLimit
from eksauth.errors import EksauthError, Refused

Describe = Callable[[Sequence[str]], Awaitable[Mapping[str, str]]]
"""Returns the names of those instances that have one; raises AwsError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NameLimits:
    """How much is asked at once and remembered; times in seconds.

    :ivar batch: instances in one call; EC2 takes 200 values in a filter.
    :ivar wait: how long a batch is collected.
    :ivar waiting: instances that may wait for an answer at once.
    """

    batch: int = 100
    wait: float = 0.05
    waiting: int = 8_000
    names: int = 50_000
    ttl: float = 86_400.0
    negative_ttl: float = 5.0


class NoSuchInstance(Refused):
    """EC2 knows no name for the instance."""

    code = "mapping.no_private_dns"


class PrivateDnsNames:
    """Answers names; one event loop.

    :param describe: asks EC2.
    :param rate: of calls to EC2.
    :param clock: monotonic seconds.
    """

    def __init__(
        self,
        describe: Describe,
        rate: RateLimit,
        *,
        limits: NameLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._describe = describe
        self._rate = rate
        self._limits = limits or NameLimits()
        self._clock = clock
        self._known: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._waiting: dict[str, asyncio.Future[str]] = {}
        self._queue: list[str] = []
        self._batcher: asyncio.Task[None] | None = None
        self._calls: set[asyncio.Task[None]] = set()

    async def find(self, instance_id: str) -> str:
        """Return the private DNS name of an instance.

        :raises AwsError: when EC2 refused or did not answer.
        :raises NoSuchInstance: when it has no name, or not yet.
        """
        known = self._known.get(instance_id)
        if known is not None and self._clock() < known[1]:
            self._known.move_to_end(instance_id)
            return _checked(instance_id, known[0])
        waiting = self._waiting.get(instance_id)
        if waiting is None:
            if len(self._waiting) >= self._limits.waiting:
                raise NoSuchInstance("too many instances wait for their names", hint="raise ec2DescribeInstancesQps")
            waiting = asyncio.get_running_loop().create_future()
            self._waiting[instance_id] = waiting
            self._queue.append(instance_id)
            if self._batcher is None or self._batcher.done():
                self._batcher = asyncio.create_task(self._batch(), name="EC2 names")
        # whoever gives up must not take the answer away from the others
        return _checked(instance_id, await asyncio.shield(waiting))

    async def close(self) -> None:
        """Give up everything that is under way."""
        tasks = [*self._calls, *([self._batcher] if self._batcher is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for waiting in self._waiting.values():
            waiting.cancel()
        self._waiting.clear()

    async def _batch(self) -> None:
        while self._queue:
            if len(self._queue) < self._limits.batch:
                await asyncio.sleep(self._limits.wait)
            await self._rate.take()
            batch, self._queue = self._queue[: self._limits.batch], self._queue[self._limits.batch :]
            call = asyncio.create_task(self._ask(batch), name="EC2 DescribeInstances")
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)

    async def _ask(self, batch: list[str]) -> None:
        try:
            found = await self._describe(batch)
        except EksauthError as error:
            for instance_id in batch:
                self._answer(instance_id, error)
        except BaseException:
            for instance_id in batch:
                self._waiting.pop(instance_id).cancel()
            raise
        else:
            for instance_id in batch:
                name = found.get(instance_id, "")
                self._remember(instance_id, name)
                self._answer(instance_id, name)

    def _answer(self, instance_id: str, answer: str | EksauthError) -> None:
        waiting = self._waiting.pop(instance_id)
        if waiting.cancelled():
            return
        if isinstance(answer, str):
            waiting.set_result(answer)
        else:
            waiting.set_exception(answer)
            waiting.exception()  # whoever asked may be gone

    def _remember(self, instance_id: str, name: str) -> None:
        life = self._limits.ttl if name else self._limits.negative_ttl
        self._known[instance_id] = (name, self._clock() + life)
        self._known.move_to_end(instance_id)
        while len(self._known) > self._limits.names:
            self._known.popitem(last=False)


def _checked(instance_id: str, name: str) -> str:
    if not name:
        raise NoSuchInstance(
            f"instance {instance_id} has no private DNS name, or not yet",
            hint="it may be starting or gone; DNS host names must be on in its VPC",
        )
    return name
