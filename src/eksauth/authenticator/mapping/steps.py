"""Long work in small steps, so that whoever has other things to do can do them in between.

A function that works in steps is a generator that yields after each and returns its result. Run to the end at once
with :func:`finish`, or a step at a time where requests are answered. Pure.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, MutableMapping
from itertools import islice
from typing import TypeAlias, TypeVar

STEP = 500
"""The most entries that one step handles."""

T = TypeVar("T")
U = TypeVar("U")
Steps: TypeAlias = Generator[None, None, T]


def finish(steps: Steps[T]) -> T:
    """Take every step and return the result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result


def batches(entries: Iterable[T]) -> Iterator[list[T]]:
    """Yield ``entries`` in lists of at most :data:`STEP`."""
    rest = iter(entries)
    while batch := list(islice(rest, STEP)):
        yield batch


def emptied(*tables: MutableMapping[str, U]) -> Steps[None]:
    """Take everything out, a step's worth at a time: to free a hundred thousand entries at once takes a while, too."""
    for table in tables:
        while table:
            for _ in range(min(STEP, len(table))):
                table.popitem()
            if table:
                yield
