"""The memory of verifications and the sharing of those under way."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from eksauth.authenticator.server.reviews.cache import SingleFlight, VerificationCache, cache_key


class Clock:
    """A clock that moves when told to."""

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def cache_at(clock: Clock, **changes: float) -> VerificationCache[str]:
    """Return a small cache whose two clocks are ``clock``."""
    given = {"ttl": 100.0, "negative_ttl": 10.0, "size": 3, "negative_size": 2} | changes
    return VerificationCache(
        ttl=given["ttl"],
        negative_ttl=given["negative_ttl"],
        size=int(given["size"]),
        negative_size=int(given["negative_size"]),
        wall=clock,
        tick=clock,
    )


KEYS = [cache_key("demo", f"token-{number}") for number in range(6)]


def test_keys_tell_clusters_and_tokens_apart() -> None:
    """The same token on another cluster is another question, and moving the border between the two makes no match."""
    keys = {
        cache_key("a", "bc"),
        cache_key("ab", "c"),
        cache_key("", "abc"),
        cache_key("a", "b"),
        cache_key("a\0", "b"),
    }
    assert len(keys) == 5
    assert cache_key("a", "bc") == cache_key("a", "bc")
    assert b"bc" not in cache_key("a", "bc")


def test_a_grant_ends_with_the_token() -> None:
    """A token that dies before the TTL is over is not served after its death."""
    clock = Clock()
    cache = cache_at(clock)
    cache.put_grant(KEYS[0], "ann", valid_until=1_050.0)
    clock.now = 1_049.9
    assert cache.get(KEYS[0]) == "ann"
    clock.now = 1_050.0
    assert cache.get(KEYS[0]) is None
    assert cache.counts() == (0, 0)


def test_a_grant_ends_with_the_ttl() -> None:
    """A token that lives longer than the TTL is verified again."""
    clock = Clock()
    cache = cache_at(clock)
    cache.put_grant(KEYS[0], "ann", valid_until=9_999.0)
    clock.now = 1_100.0
    assert cache.get(KEYS[0]) is None


def test_a_clock_that_is_set_back_prolongs_nothing() -> None:
    """The TTL is measured on a clock that nobody sets."""
    wall, tick = Clock(), Clock(0.0)
    cache: VerificationCache[str] = VerificationCache(
        ttl=100, negative_ttl=10, size=3, negative_size=3, wall=wall, tick=tick
    )
    cache.put_grant(KEYS[0], "ann", valid_until=1_900.0)
    wall.now, tick.now = 10.0, 100.0
    assert cache.get(KEYS[0]) is None


def test_a_machine_that_slept_does_not_serve_dead_tokens() -> None:
    """The monotonic clock stands still while a machine sleeps; the token's own end counts on the other one."""
    wall, tick = Clock(), Clock(0.0)
    cache: VerificationCache[str] = VerificationCache(
        ttl=900, negative_ttl=10, size=3, negative_size=3, wall=wall, tick=tick
    )
    cache.put_grant(KEYS[0], "ann", valid_until=1_900.0)
    wall.now, tick.now = 2_000.0, 1.0
    assert cache.get(KEYS[0]) is None


def test_a_flood_of_refusals_pushes_no_grant_out() -> None:
    """Whoever sends bad tokens fills the room for bad tokens."""
    cache = cache_at(Clock())
    cache.put_grant(KEYS[0], "ann", valid_until=2_000.0)
    for number in range(1_000):
        cache.put_refusal(cache_key("demo", f"bad-{number}"), "no")
    assert cache.get(KEYS[0]) == "ann"
    assert cache.counts() == (1, 2)


def test_a_refusal_that_rests_on_a_token_ends_with_it() -> None:
    """An identity that no mapping knows is not served after its token has died, should a mapping know it by then."""
    clock = Clock()
    cache = cache_at(clock)
    cache.put_refusal(KEYS[0], "bob", valid_until=1_005.0)
    clock.now = 1_004.9
    assert cache.get(KEYS[0]) == "bob"
    clock.now = 1_005.0
    assert cache.get(KEYS[0]) is None


def test_the_least_recently_used_grant_goes_first() -> None:
    """A token in use stays, one that nobody asked for lately makes room."""
    cache = cache_at(Clock())
    for key in KEYS[:3]:
        cache.put_grant(key, "ann", valid_until=2_000.0)
    assert cache.get(KEYS[0]) == "ann"
    cache.put_grant(KEYS[3], "ann", valid_until=2_000.0)
    assert [cache.get(key) for key in KEYS[:4]] == ["ann", None, "ann", "ann"]


def test_a_dead_token_is_not_put_in() -> None:
    """What has died while STS was asked takes no room."""
    cache = cache_at(Clock())
    cache.put_grant(KEYS[0], "ann", valid_until=1_000.0)
    assert cache.counts() == (0, 0)


@pytest.mark.parametrize(
    "changes", [{"ttl": 0.0, "negative_ttl": 0.0}, {"size": 0, "negative_size": 0}], ids=["ttl", "size"]
)
def test_zero_switches_the_cache_off(changes: dict[str, float]) -> None:
    """With no time or no room nothing is remembered."""
    cache = cache_at(Clock(), **changes)
    cache.put_grant(KEYS[0], "ann", valid_until=2_000.0)
    cache.put_refusal(KEYS[1], "no")
    assert (cache.get(KEYS[0]), cache.get(KEYS[1])) == (None, None)


class CacheAgainstModel(RuleBasedStateMachine):
    """The cache beside a model that never forgets: what the cache says must be true, alive and bounded."""

    @initialize()
    def begin(self) -> None:
        """Start with an empty cache."""
        self.clock = Clock()
        self.cache = cache_at(self.clock)
        self.model: dict[bytes, tuple[str, float]] = {}

    @rule(key=st.sampled_from(KEYS), name=st.text(), life=st.floats(-10, 300))
    def grant(self, key: bytes, name: str, life: float) -> None:
        """Remember a grant."""
        self.cache.put_grant(key, name, self.clock.now + life)
        if self.clock.now + life > self.clock.now:  # a life too short for a float is none
            self.model[key] = (name, self.clock.now + min(life, 100.0))

    @rule(key=st.sampled_from(KEYS), reason=st.text())
    def refuse(self, key: bytes, reason: str) -> None:
        """Remember a refusal."""
        self.cache.put_refusal(key, reason)
        self.model[key] = (reason, self.clock.now + 10.0)

    @rule(seconds=st.floats(0, 60))
    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.now += seconds

    @rule(key=st.sampled_from(KEYS))
    def look(self, key: bytes) -> None:
        """Whatever is served is the last thing that was put in, and still alive."""
        found = self.cache.get(key)
        if found is not None:
            name, until = self.model[key]
            assert found == name
            assert self.clock.now <= until + 1e-6

    @rule()
    def clear(self) -> None:
        """Forget everything."""
        self.cache.clear()
        assert all(self.cache.get(key) is None for key in KEYS)

    @invariant()
    def is_bounded(self) -> None:
        """Neither room grows beyond its size."""
        if hasattr(self, "cache"):
            grants, refusals = self.cache.counts()
            assert grants <= 3
            assert refusals <= 2


TestCacheAgainstModel = CacheAgainstModel.TestCase
TestCacheAgainstModel.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@given(st.lists(st.sampled_from(KEYS), max_size=30))
def test_a_fresh_entry_is_always_there(order: list[bytes]) -> None:
    """What was put in last can be read back at once, whatever came before."""
    cache = cache_at(Clock())
    for key in order:
        cache.put_grant(key, key.hex(), valid_until=2_000.0)
        assert cache.get(key) == key.hex()


async def test_a_hundred_share_one_attempt() -> None:
    """Simultaneous callers get the result of a single attempt, and the next caller begins a new one."""
    flight: SingleFlight[int] = SingleFlight()
    go, attempts = asyncio.Event(), []

    async def attempt() -> int:
        attempts.append(1)
        await go.wait()
        return len(attempts)

    callers = [asyncio.create_task(flight.run(b"k", attempt)) for _ in range(100)]
    await asyncio.sleep(0)
    go.set()
    assert await asyncio.gather(*callers) == [1] * 100
    assert len(flight) == 0
    assert await flight.run(b"k", attempt) == 2


async def test_who_leaves_does_not_take_the_others_along() -> None:
    """Cancelling the first caller cancels neither the attempt nor the second caller."""
    flight: SingleFlight[str] = SingleFlight()
    go = asyncio.Event()

    async def attempt() -> str:
        await go.wait()
        return "done"

    first, second = asyncio.create_task(flight.run(b"k", attempt)), asyncio.create_task(flight.run(b"k", attempt))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    go.set()
    assert first.cancelled()
    assert await second == "done"


async def test_an_error_reaches_everybody_and_is_not_remembered() -> None:
    """Each caller sees the failure, and the next attempt is a new one."""
    flight: SingleFlight[str] = SingleFlight()
    outcomes = [ValueError("first"), None]

    async def attempt() -> str:
        await asyncio.sleep(0)
        outcome = outcomes.pop(0)
        if outcome:
            raise outcome
        return "second"

    results = await asyncio.gather(*(flight.run(b"k", attempt) for _ in range(3)), return_exceptions=True)
    assert [str(result) for result in results] == ["first"] * 3
    assert await flight.run(b"k", attempt) == "second"


async def test_abandoning_ends_every_attempt() -> None:
    """After abandoning nothing is left running, and waiting callers are told."""
    flight: SingleFlight[str] = SingleFlight()

    async def attempt() -> str:
        await asyncio.Event().wait()
        return "never"

    caller = asyncio.create_task(flight.run(b"k", attempt))
    await asyncio.sleep(0)
    await flight.abandon()
    await asyncio.wait([caller])
    assert caller.cancelled()
    assert len(flight) == 0
