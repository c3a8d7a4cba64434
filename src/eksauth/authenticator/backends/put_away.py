"""What becomes of a table that another one has replaced."""

from __future__ import annotations

import asyncio
from typing import Protocol

from eksauth.authenticator.backends.files.reading.read import paced
from eksauth.authenticator.mapping.steps import Steps

_TASKS: set[asyncio.Task[None]] = set()


class Emptied(Protocol):
    """A table that can forget its entries in small steps."""

    def emptied(self) -> Steps[None]:
        """Forget everything."""


def put_away(table: Emptied) -> None:
    """Free the entries of a table between requests; needs a running loop only when there are many of them."""
    steps = table.emptied()
    for _ in steps:
        # the loop holds its tasks weakly
        task = asyncio.get_running_loop().create_task(paced(steps), name="put away")
        _TASKS.add(task)
        task.add_done_callback(_TASKS.discard)
        return
