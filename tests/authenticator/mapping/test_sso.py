"""Permission sets: anchored to their generated suffix, in any partition."""

from __future__ import annotations

import pytest
from tests.authenticator.mapping.callers import HASH, A, aws_auth, identity, mounted, role

from eksauth.authenticator.mapping.model import Match, PermissionSet
from eksauth.authenticator.mapping.sso import check_permission_set, permission_set_of


def caller(name: str, partition: str = "aws") -> str:
    """Return the ARN of a session of role ``name``."""
    return f"arn:{partition}:sts::{A}:assumed-role/{name}/bob@x.io"


def entry(name: str = "View", extra: str = "") -> str:
    """Return a mapRoles entry for a permission set."""
    return f"- sso:\n    permissionSetName: {name}\n    accountID: '{A}'\n{extra}  username: u\n  groups: [g]\n"


@pytest.mark.parametrize(
    "name, matches",
    [
        pytest.param(f"AWSReservedSSO_View_{HASH}", True, id="its-role"),
        pytest.param(f"awsreservedsso_VIEW_{HASH.upper()}", True, id="case"),
        pytest.param(f"AWSReservedSSO_View_Only_{HASH}", False, id="longer-set-name"),
        pytest.param("AWSReservedSSO_View_", False, id="empty-suffix"),
        pytest.param(f"AWSReservedSSO_View_{HASH[:-1]}", False, id="15-digits"),
        pytest.param(f"AWSReservedSSO_View_{HASH}0", False, id="17-digits"),
        pytest.param("AWSReservedSSO_View_0123456789abcdeg", False, id="not-hex"),
        pytest.param(f"XAWSReservedSSO_View_{HASH}", False, id="prefix"),
        pytest.param(f"AWSReservedSSO_{HASH}", False, id="no-set"),
    ],
)
@pytest.mark.parametrize("backend", [aws_auth, mounted])
def test_anchoring(backend: object, name: str, matches: bool) -> None:
    """Only roles of exactly this set, with exactly sixteen hex digits behind it, match."""
    assert callable(backend)
    found = backend(mapRoles=entry()).lookup(identity(caller(name)))
    assert isinstance(found, Match) is matches


def test_an_explicit_partition_works() -> None:
    """A written partition matches in that partition and nowhere else, unlike in the reference."""
    backend = mounted(mapRoles=entry(extra="    partition: aws-cn\n"))
    assert isinstance(backend.lookup(identity(caller(f"AWSReservedSSO_View_{HASH}", "aws-cn"))), Match)
    assert not isinstance(backend.lookup(identity(caller(f"AWSReservedSSO_View_{HASH}"))), Match)


def test_a_literal_arn_beats_a_permission_set() -> None:
    """The ARN's entry wins whatever the order in the file, and the overlap is reported."""
    literal = role(f"arn:aws:iam::{A}:role/AWSReservedSSO_View_{HASH}", "literal")
    for text in (literal + entry(), entry() + literal):
        backend = mounted(mapRoles=text)
        found = backend.lookup(identity(caller(f"AWSReservedSSO_View_{HASH}")))
        assert isinstance(found, Match)
        assert (found.kind, found.username, len(found.shadowed)) == ("role", "literal", 1)
        assert [problem.code for problem in backend.problems] == ["mapping.overlap"]


def test_set_names_may_hold_underscores_and_hex() -> None:
    """The set's name is everything up to the last sixteen digits."""
    assert permission_set_of(f"awsreservedsso_a_{HASH}_{HASH}") == f"a_{HASH}"


@pytest.mark.parametrize(
    "permission_set",
    [
        PermissionSet("a*b", A, "aws"),
        PermissionSet("", A, "aws"),
        PermissionSet("x" * 33, A, "aws"),
        PermissionSet("ok", "1234567890", "aws"),
        PermissionSet("ok", A, "aws-moon"),
    ],
    ids=["star", "empty", "long", "10-digit-account", "partition"],
)
def test_what_cannot_be_a_permission_set(permission_set: PermissionSet) -> None:
    """Names, accounts and partitions that cannot exist are refused (CFG-02)."""
    assert check_permission_set(permission_set) is not None
