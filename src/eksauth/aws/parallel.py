"""Calls to AWS that run at the same time, fairly spread over regions.

Threads are daemons, so that Ctrl-C does not wait for calls under way.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Generic, TypeVar

WORKERS = 16

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """A finished call: its lane, and either a value or the exception it raised."""

    lane: str
    value: T | None = None
    error: Exception | None = None


class Parallel(Generic[T]):
    """Runs calls on up to ``workers`` threads; lanes (regions) take turns, so that each keeps few connections busy.

    Not for use from several threads; close it at the end, or use it as a context manager.
    """

    def __init__(self, workers: int = WORKERS) -> None:
        self._workers = workers
        self._waiting: dict[str, deque[Callable[[], T]]] = {}
        self._tasks: SimpleQueue[tuple[str, Callable[[], T]] | None] = SimpleQueue()
        self._results: SimpleQueue[Done[T]] = SimpleQueue()
        self._threads = 0
        self._running = 0

    def __enter__(self) -> Parallel[T]:
        return self

    def __exit__(self, *_: object) -> None:
        self._waiting.clear()
        for _thread in range(self._threads):
            self._tasks.put(None)

    def add(self, lane: str, call: Callable[[], T]) -> None:
        """Queue a call; it starts as soon as a thread is free and it is its lane's turn."""
        self._waiting.setdefault(lane, deque()).append(call)

    def results(self) -> Iterator[Done[T]]:
        """Yield what finishes, in any order, until nothing is left; calls may be added meanwhile."""
        while True:
            while self._running < self._workers and self._waiting:
                self._start()
            if not self._running:
                return
            done = self._results.get()
            self._running -= 1
            yield done

    def _start(self) -> None:
        lane, calls = next(iter(self._waiting.items()))
        self._tasks.put((lane, calls.popleft()))
        del self._waiting[lane]
        if calls:  # to the end of the line
            self._waiting[lane] = calls
        self._running += 1
        if self._threads < self._running:
            self._threads += 1
            threading.Thread(target=self._work, name=f"aws-{self._threads}", daemon=True).start()

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            lane, call = task
            try:
                done = Done(lane, call())
            except Exception as error:  # noqa: BLE001  handed to whoever asked
                done = Done(lane, error=error)
            self._results.put(done)
