"""What stays in force when mappings break or vanish."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from eksauth.authenticator.backends.last_good import LastGood, Notice


@dataclass
class Story:
    """A table with a clock to turn and the notices so far."""

    grace: float = 100.0
    now: float = 1000.0
    jumped: float = 0.0
    notices: list[Notice] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.held = LastGood(
            "EKSConfigMap",
            "nothing",
            grace=self.grace,
            notice=self.notices.append,
            clock=lambda: self.now + self.jumped,
            tick=lambda: self.now,
        )

    @property
    def kinds(self) -> list[str]:
        return [notice.kind for notice in self.notices]


def test_a_load_takes_effect_and_is_counted() -> None:
    """The newest good table answers."""
    story = Story()
    assert (story.held.table, story.held.status().synced) == ("nothing", False)
    story.held.accept("one", 1)
    story.held.accept("two", 2)
    status = story.held.status()
    assert (story.held.table, status.synced, status.entries, status.generation) == ("two", True, 2, 2)
    assert status.loaded_at == 1000.0


def test_a_failure_changes_nothing_and_is_told_once() -> None:
    """The table stays, the status says why the newest content does not count, and the log is not filled with it."""
    story = Story()
    story.held.accept("one", 1)
    story.held.fail("line 3: broken")
    story.held.fail("line 3: broken")
    assert (story.held.table, story.held.status().failure) == ("one", "line 3: broken")
    assert story.kinds == ["loaded", "failed"]
    story.held.accept("two", 2)
    assert story.held.status().failure is None


def test_emptied_mappings_are_held_and_then_let_go() -> None:
    """Nobody is locked out at once: the old table answers for the grace period, from the first emptying on."""
    story = Story()
    story.held.accept("one", 1)
    story.held.accept("empty", 0, gone="aws-auth was deleted")
    story.now += 60
    story.held.accept("empty again", 0)
    assert (story.held.table, story.held.status().held_until) == ("one", 1100.0)
    story.now = 1100.0
    assert (story.held.table, story.held.status().entries) == ("empty again", 0)
    assert story.kinds == ["loaded", "held", "applied"]
    assert "aws-auth was deleted" in story.notices[-1].message


@pytest.mark.parametrize("jump", [3600.0, -3600.0], ids=["forward", "back"])
def test_a_clock_that_jumps_changes_no_grace_period(jump: float) -> None:
    """An hour forward locks nobody out early, an hour back holds nothing for longer; the end that is told moves along."""
    story = Story()
    story.held.accept("one", 1)
    story.held.accept("empty", 0)
    story.jumped = jump
    story.now += 99
    assert (story.held.table, story.held.status().held_until) == ("one", 1100.0 + jump)
    story.now += 1
    assert story.held.table == "empty"


def test_a_correction_within_the_grace_period_ends_it() -> None:
    """Whoever puts mappings back in time loses nothing, and the old emptying does not come into force later."""
    story = Story()
    story.held.accept("one", 1)
    story.held.accept("empty", 0)
    story.held.accept("two", 2)
    story.now += 1000
    assert (story.held.table, story.held.status().held_until) == ("two", None)


def test_emptiness_can_be_meant() -> None:
    """An operator's reload lets it take effect, and a grace period of nothing holds nothing."""
    story = Story()
    story.held.accept("one", 1)
    story.held.accept("empty", 0)
    story.held.apply_held()
    assert story.held.table == "empty"
    at_once = Story(grace=0)
    at_once.held.accept("one", 1)
    at_once.held.accept("empty", 0)
    assert at_once.held.table == "empty"


def test_nothing_at_first_is_nothing_to_hold() -> None:
    """A backend that starts empty is synced and empty."""
    story = Story()
    story.held.accept("empty", 0)
    assert (story.held.table, story.held.status().synced) == ("empty", True)


def test_a_partly_broken_load_takes_effect_and_says_so() -> None:
    """One section is broken, the others count: the table is the caller's, the status has the reason."""
    story = Story()
    story.held.accept("mixed", 3, failure="mapRoles: line 2: broken")
    assert (story.held.table, story.held.status().failure) == ("mixed", "mapRoles: line 2: broken")
    assert story.kinds == ["failed"]
