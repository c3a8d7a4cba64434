"""What the tests of backends that watch share: who listens, who is asked, and waiting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from tests.authenticator.mapping.callers import A, identity

from eksauth.authenticator.backends.cluster.kube_backend import Ears
from eksauth.authenticator.backends.contract import Backend
from eksauth.authenticator.backends.last_good import Notice
from eksauth.authenticator.mapping.model import Match

B = TypeVar("B", bound=Backend)


@dataclass
class Heard:
    """What a backend tells."""

    notices: list[Notice] = field(default_factory=list)
    failures: int = 0
    remarks: list[str] = field(default_factory=list)

    def ears(self) -> Ears:
        """Return what to give to a backend."""
        return Ears(notice=self.notices.append, watch_failed=self.failed, remark=self.remarks.append)

    def failed(self, mode: str) -> None:
        """Count."""
        assert mode
        self.failures += 1

    def kinds(self) -> list[str]:
        """Return what happened, in order."""
        return [notice.kind for notice in self.notices]


async def until(true: Callable[[], object]) -> None:
    """Wait for something that happens soon."""
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.02)


def become(backend: Backend, arn: str = f"arn:aws:sts::{A}:assumed-role/CICDRole/s") -> str | None:
    """Return who a caller becomes, None when nobody."""
    answer = backend.lookup(identity(arn))
    return answer.username if isinstance(answer, Match) else None


@asynccontextmanager
async def started(backend: B) -> AsyncIterator[B]:
    """Run a backend, and make sure that it leaves no task behind."""
    before = asyncio.all_tasks()
    try:
        await backend.start()
        yield backend
    finally:
        await backend.close()
    ours = {task for task in asyncio.all_tasks() - before if not task.get_name().startswith("Task-")}
    assert not ours
