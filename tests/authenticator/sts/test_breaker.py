"""The circuit breaker, on a clock that stands still until told otherwise."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from eksauth.authenticator.sts.breaker import Breaker
from eksauth.authenticator.sts.pace import Budget, Pace


@dataclass
class Clock:
    """A clock that goes when it is told to."""

    now: float = 100.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


def opened(clock: Clock) -> Breaker:
    """Return a breaker that has just opened."""
    breaker = Breaker(failures=3, span=2, first_pause=1, longest_pause=10, tick=clock)
    for _ in range(3):
        breaker.failed("ordinary", clock.now - 2)
    assert breaker.state == "open"
    return breaker


def test_it_opens_after_enough_failures_over_enough_time() -> None:
    """Neither many failures at one moment nor few over a long time open it."""
    clock = Clock()
    breaker = Breaker(failures=3, span=2, first_pause=1, longest_pause=10, tick=clock)
    for _ in range(50):
        breaker.failed("ordinary", clock.now)
    states = [breaker.state]
    clock.now += 2
    breaker.failed("ordinary", clock.now)
    assert [*states, breaker.state] == ["closed", "open"]
    few = Breaker(failures=3, span=2, first_pause=1, longest_pause=10, tick=clock)
    for _ in range(2):
        few.failed("ordinary", clock.now)
        clock.now += 60
    assert few.state == "closed"


def test_attempts_that_hung_together_open_it_when_they_end() -> None:
    """The run begins with the beginning of the attempts: a batch that timed out after ten seconds is enough."""
    clock = Clock()
    breaker = Breaker(failures=10, span=2, tick=clock)
    began, clock.now = clock.now, clock.now + 10
    for _ in range(10):
        breaker.failed("ordinary", began)
    assert breaker.state == "open"


def test_an_answer_in_between_begins_a_new_run() -> None:
    """As long as some questions are answered it stays closed."""
    clock = Clock()
    breaker = Breaker(failures=3, span=2, first_pause=1, longest_pause=10, tick=clock)
    for _ in range(20):
        breaker.failed("ordinary", clock.now)
        clock.now += 2
        breaker.failed("ordinary", clock.now)
        breaker.answered()
    assert breaker.state == "closed"


def test_one_probe_at_a_time() -> None:
    """When the pause is over one attempt passes; the next one only after its end."""
    clock = Clock()
    breaker = opened(clock)
    assert breaker.enter() is None
    clock.now += 1
    assert breaker.state == "half-open"
    assert breaker.enter() == "probe"
    assert [breaker.enter() for _ in range(3)] == [None, None, None]
    breaker.gave_up("probe")
    assert breaker.enter() == "probe"
    breaker.answered()
    assert breaker.enter() == "ordinary"


def test_pauses_double_up_to_a_limit() -> None:
    """Each failed probe doubles the pause, to ten seconds at most; an answer makes it short again."""
    clock = Clock()
    breaker = opened(clock)
    pauses = []
    for _ in range(6):
        waited = 0.0
        while (kind := breaker.enter()) is None:
            clock.now += 0.5
            waited += 0.5
        pauses.append(waited)
        breaker.failed(kind, clock.now)
    assert pauses == [1, 2, 4, 8, 10, 10]
    breaker.answered()
    for _ in range(3):
        breaker.failed("ordinary", clock.now - 2)
    clock.now += 1
    assert breaker.enter() == "probe"


def test_latecomers_of_before_the_opening_prolong_nothing() -> None:
    """Attempts that were under way when it opened and fail now leave the pause as it is."""
    clock = Clock()
    breaker = opened(clock)
    clock.now += 0.9
    for _ in range(50):
        breaker.failed("ordinary", clock.now - 5)
    clock.now += 0.1
    assert breaker.enter() == "probe"


@given(st.lists(st.tuples(st.sampled_from(["enter", "answered", "failed", "gave_up"]), st.floats(0, 20)), max_size=60))
def test_it_never_stays_shut(steps: list[tuple[str, float]]) -> None:
    """Whatever happened before: when every attempt has ended, a probe passes after a second at the latest."""
    clock = Clock()
    breaker = Breaker(failures=2, span=1, tick=clock)
    under_way = []
    for what, seconds in steps:
        clock.now += seconds
        if what == "enter":
            kind = breaker.enter()
            if kind is not None:
                under_way.append((kind, clock.now))
        elif under_way:
            kind, began = under_way.pop()
            if what == "answered":
                breaker.answered()
            elif what == "failed":
                breaker.failed(kind, began)
            else:
                breaker.gave_up(kind)
    for kind, began in under_way:
        breaker.failed(kind, began)
    clock.now += 1
    assert breaker.enter() is not None


def test_patience_follows_the_slowest_of_twenty() -> None:
    """A host that answers in 100 ms is late after that; one that answers at once is given 50 ms; none more than 3 s."""
    pace = Pace()
    assert pace.patience == 2.0
    for _ in range(40):
        pace.add(0.1)
    assert pace.patience == 0.1
    for _ in range(200):
        pace.add(0.001)
    assert pace.patience == 0.05
    for _ in range(200):
        pace.add(9)
    assert pace.patience == 3.0


def test_extra_attempts_are_earned() -> None:
    """After what was saved up, one question in five may be asked again."""
    budget = Budget(share=0.2, most=2)
    assert [budget.take() for _ in range(3)] == [True, True, False]
    taken = 0
    for _ in range(50):
        budget.earn()
        taken += budget.take()
    assert taken in {9, 10}
