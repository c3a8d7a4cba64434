"""Lookup at size, and the explanation of what nearly fits."""

from __future__ import annotations

import sys
from types import FrameType
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.authenticator.mapping.callers import HASH, A, aws_auth, identity, mounted, role, user

from eksauth.authenticator.mapping.model import Mappings, Match, NotMapped, RoleMapping, Source, UserMapping
from eksauth.authenticator.mapping.near_miss import suggest
from eksauth.authenticator.mapping.table import MappingTable

if TYPE_CHECKING:
    from _typeshed import TraceFunction

IAM = f"arn:aws:iam::{A}"


def entries(count: int) -> Mappings:
    """Return that many role mappings, all of one name in different accounts."""
    return Mappings(
        roles=tuple(
            RoleMapping(f"arn:aws:iam::{number:012d}:role/CICDRole", None, "u", (), Source("f", number))
            for number in range(1, count + 1)
        )
    )


def steps(table: MappingTable) -> int:
    """Return how many lines of our code one lookup and one explained refusal run."""
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> TraceFunction | None:
        # garbage collection may run callbacks of others in between
        if not frame.f_globals.get("__name__", "").startswith("eksauth."):
            return None
        nonlocal count
        count += event == "line"
        return trace

    sys.settrace(trace)
    try:
        table.lookup(identity("arn:aws:sts::000000000007:assumed-role/CICDRole/s"))
        table.lookup(identity("arn:aws:sts::999999999999:assumed-role/CICDRole/s"))
    finally:
        sys.settrace(None)
    return count


def test_lookup_costs_the_same_at_any_size() -> None:
    """A lookup and an explained refusal run the same number of steps among 200 entries and among 20,000."""
    previous = sys.gettrace()
    try:
        small, large = (steps(MappingTable(entries(count), canonicalise_roles=True)) for count in (200, 20_000))
    finally:
        sys.settrace(previous)
    assert small == large


def test_a_match_names_a_few_of_many_losers() -> None:
    """One ARN a thousand times costs a lookup no more than one that is there twenty times; the last one counts."""
    roles = tuple(RoleMapping(f"{IAM}:role/CICDRole", None, f"u{at}", (), Source("f", at)) for at in range(1000))
    found = MappingTable(Mappings(roles), canonicalise_roles=True).lookup(identity())
    assert isinstance(found, Match)
    assert (found.username, len(found.shadowed)) == ("u999", 20)


def test_no_more_than_five_near_misses() -> None:
    """An explanation stays readable when a name is mapped in a thousand accounts."""
    found = MappingTable(entries(1000), canonicalise_roles=True).lookup(
        identity("arn:aws:sts::999999999999:assumed-role/CICDRole/s")
    )
    assert isinstance(found, NotMapped)
    assert len(found.near_misses) == 5


def test_the_best_near_miss_comes_first() -> None:
    """Entries that differ in one thing come before those that differ in two."""
    text = role("arn:aws-cn:iam::999999999999:role/CICDRole") + role(f"{IAM}:role/team/CICDRole")
    found = aws_auth(mapRoles=text).lookup(identity())
    assert isinstance(found, NotMapped)
    assert [miss.why for miss in found.near_misses] == ["path", "partition"]
    assert " and the account differs" in found.near_misses[1].explanation


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:sts::{A}:assumed-role/CICDRole/sess",
        f"arn:aws:sts::{A}:assumed-role/AWSReservedSSO_X_{HASH}/bob",
        f"{IAM}:user/team/alice",
        f"{IAM}:root",
        f"arn:aws:sts::{A}:federated-user/bob",
    ],
)
@pytest.mark.parametrize("backend", [aws_auth, mounted])
def test_the_suggested_entry_maps_the_caller(backend: object, arn: str) -> None:
    """The YAML that a refusal suggests is valid, and maps the identity that was refused."""
    assert callable(backend)
    caller = identity(arn)
    value = yaml.safe_load(suggest(caller))
    (section,) = value
    found = backend(**{section: yaml.safe_dump(value[section])}).lookup(caller)
    assert isinstance(found, Match)
    assert found.username


def test_roles_come_before_users_and_the_overlap_is_reported() -> None:
    """Of a role entry and a user entry for one ARN the role entry decides."""
    backend = mounted(mapRoles=role(f"{IAM}:role/CICDRole", "r"), mapUsers=user(f"{IAM}:role/CICDRole", "u"))
    found = backend.lookup(identity())
    assert isinstance(found, Match)
    assert (found.username, len(found.shadowed)) == ("r", 1)
    assert [problem.code for problem in backend.problems] == ["mapping.overlap"]


NAMES = st.text(st.sampled_from("abAB/_"), min_size=1, max_size=4)
ARNS = st.builds(
    lambda kind, name: f"{IAM}:{kind}/{name}", st.sampled_from(["role", "user", "instance-profile", "group"]), NAMES
) | st.text(max_size=12)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(ARNS, max_size=6), st.lists(ARNS, max_size=6), st.sampled_from(["a", "ab", "A_b", "b/a"]), st.booleans()
)
def test_lookup_agrees_with_reading_from_top_to_bottom(
    roles: list[str], users: list[str], name: str, as_user: bool
) -> None:
    """The index decides as a scan would that takes the last equal entry, roles first."""
    arn = f"{IAM}:user/{name}" if as_user else f"arn:aws:sts::{A}:assumed-role/{name}/s"
    caller = identity(arn)
    mappings = Mappings(
        roles=tuple(RoleMapping(arn, None, f"r{at}", (), Source("f", at)) for at, arn in enumerate(roles)),
        users=tuple(UserMapping(arn, f"u{at}", (), Source("f", 100 + at)) for at, arn in enumerate(users)),
    )
    everything: list[RoleMapping | UserMapping] = [*reversed(mappings.roles), *reversed(mappings.users)]
    fits = [entry for entry in everything if (entry.arn or "").lower() == caller.canonical_arn.lower()]
    found = MappingTable(mappings, canonicalise_roles=False).lookup(caller)
    if fits:
        assert isinstance(found, Match)
        assert found.username == fits[0].username
        assert {source.line for source in found.shadowed} == {entry.source.line for entry in fits[1:]}
    else:
        assert isinstance(found, NotMapped)
