"""Tables made in small steps are those made at once."""

from __future__ import annotations

import gc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.authenticator.mapping.callers import A, identity

from eksauth.authenticator.entries.model import AccessEntry
from eksauth.authenticator.entries.table import EntryTable
from eksauth.authenticator.mapping.model import (
    AccountMapping,
    Mappings,
    NotMapped,
    PermissionSet,
    RoleMapping,
    Source,
    UserMapping,
)
from eksauth.authenticator.mapping.mounted_file import MountedFileBackend
from eksauth.authenticator.mapping.steps import STEP, Steps, T, batches, finish
from eksauth.authenticator.mapping.table import MappingTable
from eksauth.authenticator.mapping.user_ids import UserIdTable

CALLER = identity()


def counted(steps: Steps[T]) -> tuple[int, T]:
    """Return how many steps there were, and their result."""
    count = 0
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return count, end.value
        count += 1


def mappings(count: int) -> Mappings:
    """Return so many roles, permission sets, users and accounts, each user being a role, too."""
    roles = tuple(
        RoleMapping(f"arn:aws:iam::{A}:role/R{at}", None, "u", (), Source("f", at), str(at)) for at in range(count)
    )
    sets = tuple(RoleMapping(None, PermissionSet(f"S{at}", A, "aws"), "u", (), Source("f", at)) for at in range(count))
    users = tuple(
        UserMapping(f"arn:aws:iam::{A}:role/R{at}", "u", (), Source("f", at), f"U{at}") for at in range(count)
    )
    accounts = tuple(AccountMapping(f"{at:012d}", Source("f", at)) for at in range(count))
    return Mappings(roles + sets, users, accounts)


def entries(count: int) -> list[AccessEntry]:
    """Return so many access entries."""
    return [
        AccessEntry(
            principal_arn=f"arn:aws:iam::{A}:role/R{at}", lookup_arn=f"arn:aws:iam::{A}:role/r{at}", type="STANDARD",
            username="u", groups=(), source=Source("f", at),
        )
        for at in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize(
    "steps, handled",
    [
        # every entry once, and once more the roles and users that are looked at for overlaps
        pytest.param(lambda n: MappingTable.in_steps(mappings(n), canonicalise_roles=True), 6, id="mappings"),
        pytest.param(lambda n: MountedFileBackend.in_steps(mappings(n)), 6, id="mounted"),
        pytest.param(lambda n: UserIdTable.in_steps(mappings(n)), 4, id="user-ids"),
        pytest.param(lambda n: EntryTable.in_steps(entries(n)), 1, id="entries"),
    ],
)
@pytest.mark.parametrize("size", [1, STEP, 4 * STEP])
def test_no_step_handles_more_than_its_share(steps: object, handled: int, size: int) -> None:
    """The number of steps grows with the entries."""
    assert callable(steps)
    count, _ = counted(steps(size))
    assert count >= handled * size / STEP


ARN = st.builds("arn:aws:iam::{}:{}/{}".format, st.sampled_from([A, "444455556666"]), st.sampled_from(["role", "user"]), st.sampled_from(["CICDRole", "cicdrole", "x/CICDRole", "AWSReservedSSO_X_0123456789abcdef"]))  # fmt: skip
SET = st.builds(PermissionSet, st.sampled_from(["X", "x", "Y"]), st.just(A), st.just("aws"))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_the_same_table(data: st.DataObject) -> None:
    """Whichever way it was made, a table answers and complains the same."""
    roles = [
        RoleMapping(None if one else arn, one, f"r{at}", (), Source("f", at), data.draw(st.sampled_from([None, "AROAEXAMPLE"])))
        for at, (arn, one) in enumerate(data.draw(st.lists(st.tuples(ARN, st.none() | SET), max_size=6)))
    ]  # fmt: skip
    users = [
        UserMapping(arn, f"u{at}", (), Source("f", 10 + at))
        for at, arn in enumerate(data.draw(st.lists(ARN, max_size=6)))
    ]
    given_ = Mappings(tuple(roles), tuple(users), ())
    callers = [CALLER, identity(f"arn:aws:sts::{A}:assumed-role/AWSReservedSSO_X_0123456789abcdef/bob"), identity(f"arn:aws:iam::{A}:user/x/CICDRole")]  # fmt: skip
    for canonicalise in (True, False):
        one = MappingTable(given_, canonicalise_roles=canonicalise)
        other = finish(MappingTable.in_steps(given_, canonicalise_roles=canonicalise))
        assert one.problems == other.problems
        assert [one.lookup(caller) for caller in callers] == [other.lookup(caller) for caller in callers]
    ids, more_ids = UserIdTable(given_), finish(UserIdTable.in_steps(given_))
    assert (ids.problems, ids.lookup(CALLER)) == (more_ids.problems, more_ids.lookup(CALLER))


def test_entries_are_out_of_the_collectors_sight() -> None:
    """The garbage collector has nothing to look through, however many entries there are."""
    found = mappings(1)
    everything = [*found.roles, *found.users, *found.accounts, *entries(1), found.roles[0].source, found.roles[1].sso]
    assert not [value for value in everything if gc.is_tracked(value)]


def test_batches() -> None:
    """Batches hold everything once, in order, and no more than a step each."""
    found = list(batches(range(2 * STEP + 1)))
    assert [len(batch) for batch in found] == [STEP, STEP, 1]
    assert [item for batch in found for item in batch] == list(range(2 * STEP + 1))


@pytest.mark.parametrize(
    "table",
    [
        pytest.param(lambda n: MappingTable(mappings(n), canonicalise_roles=True), id="mappings"),
        pytest.param(lambda n: MountedFileBackend(mappings(n)), id="mounted"),
        pytest.param(lambda n: UserIdTable(mappings(n)), id="user-ids"),
        pytest.param(lambda n: EntryTable(entries(n)), id="entries"),
    ],
)
def test_a_table_is_taken_apart_in_small_steps(table: object) -> None:
    """Freeing many entries is work that requests would wait for; few are freed at once."""
    assert callable(table)
    full = table(3 * STEP)
    count, _ = counted(full.emptied())
    assert count >= 2
    answer = full.lookup(identity(f"arn:aws:sts::{A}:assumed-role/R1/s"))
    assert isinstance(answer, NotMapped)
    assert not answer.near_misses
    assert counted(table(10).emptied())[0] == 0
