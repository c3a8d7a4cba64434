"""Calls side by side."""

from __future__ import annotations

import threading

from eksauth.aws.parallel import Parallel


def test_as_many_calls_as_there_are_workers_run_at_once() -> None:
    """Sixteen calls that wait for each other all end, which they could not one after the other."""
    together = threading.Barrier(16)
    with Parallel[int](16) as pool:
        for number in range(32):
            pool.add("region", lambda number=number: (together.wait(60), number)[1])  # type: ignore[misc]
        assert sorted(done.value or 0 for done in pool.results()) == list(range(32))


def test_never_more_than_the_workers() -> None:
    """Two workers never hold three calls."""
    busy, most = 0, 0
    lock = threading.Lock()
    pause = threading.Event()

    def call() -> None:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        pause.wait(0.002)
        with lock:
            busy -= 1

    with Parallel[None](2) as pool:
        for number in range(40):
            pool.add(str(number % 3), call)
        assert len(list(pool.results())) == 40
    assert most <= 2


def test_lanes_take_turns() -> None:
    """A region with many clusters does not make the others wait for its last one."""
    started: list[str] = []
    with Parallel[None](1) as pool:
        for lane, count in (("big", 6), ("small", 2), ("tiny", 1)):
            for _ in range(count):
                pool.add(lane, lambda lane=lane: started.append(lane))  # type: ignore[misc]
        assert len(list(pool.results())) == 9
    assert started[:5] == ["big", "small", "tiny", "big", "small"]


def test_errors_come_back_beside_values() -> None:
    """What a call raises is handed over with its lane, and the others go on."""

    def fail() -> int:
        raise LookupError("x")

    with Parallel[int]() as pool:
        pool.add("bad", fail)
        pool.add("good", lambda: 1)
        found = {done.lane: done for done in pool.results()}
    assert isinstance(found["bad"].error, LookupError)
    assert found["good"].value == 1


def test_calls_may_add_calls() -> None:
    """What a result brings up is run as well; an empty pool ends at once."""
    with Parallel[int]() as pool:
        assert list(pool.results()) == []
        pool.add("a", lambda: 3)
        seen = []
        for done in pool.results():
            seen.append(done.value)
            if done.value:
                pool.add("b", lambda left=done.value - 1: left)  # type: ignore[misc]
    assert seen == [3, 2, 1, 0]
