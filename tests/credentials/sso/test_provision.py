"""Finding out what one may be: every permission set of every account, quickly, and in spite of some that fail."""

from __future__ import annotations

import pytest
from tests.credentials.sso.conftest import Center
from tests.credentials.sso.person import Person

from eksauth.credentials.config.model import Identity
from eksauth.credentials.identities.contract import NeedsHuman
from eksauth.credentials.sso.permission_set import identity_step
from eksauth.credentials.sso.provider import access
from eksauth.credentials.sso.provision import Progress, provision
from eksauth.errors import AwsError


def found(center: Center, user: str, progress: Progress | None = None) -> tuple[list[Identity], list[str]]:
    """Sign in and return identities and warnings."""
    person = Person(center.served, user)
    token = access(center.provider(), center.context(person))
    person.told.clear()
    return provision(center.provider(), token, center.context(person), progress), person.told


def test_everything_that_is_offered(center: Center) -> None:
    """Identities are called account/permission set; accounts that share a name carry their ids, too."""
    identities, warnings = found(center, "dana")
    assert [identity.name for identity in identities] == [
        "sandbox-data-555566667777/ClusterReader",
        "sandbox-data-666677778888/ClusterReader",
        "sandbox-main/AdministratorAccess",
        "sandbox-main/ClusterReader",
        "sandbox-partner/ClusterReader",
    ]
    assert warnings == []
    first = identities[0]
    assert (first.kind, first.via_provider, first.provisioned) == ("aws/permission-set", "corp", True)
    made = identity_step(first, center.config(first)).obtain(
        access(center.provider(), center.context()), center.context()
    )
    assert made.source == "permission set ClusterReader in account 555566667777"


def test_names_with_dots(center: Center) -> None:
    """A permission set may have a dot in its name, and keeps it."""
    identities, _ = found(center, "erik@example.com")
    assert [identity.name for identity in identities] == ["sandbox-data/Data.Engineer", "sandbox-main/ClusterReader"]


def test_many_accounts(center: Center) -> None:
    """More than a hundred accounts are asked, several at a time, and progress is told up to the end."""
    center.control("POST", "many-accounts", {"count": 110, "user_name": "farah", "permission_set": "ClusterReader"})
    steps: list[tuple[int, int]] = []
    identities, _ = found(center, "farah", lambda done, of: steps.append((done, of)))
    count = len(identities)
    assert count >= 110
    assert (steps[0], steps[-1], len(steps)) == ((0, count), (count, count), count + 1)


def test_an_account_that_fails(center: Center) -> None:
    """An account that cannot be asked is left out with a warning; the others are there."""
    center.fault(kind="error", status=403, code="ForbiddenException", action="ListAccountRoles")
    identities, warnings = found(center, "dana")
    assert len({identity.principal.account_id for identity in identities}) == 3
    assert len(warnings) == 1
    assert "is left out: AWS refused listing what you may be in account" in warnings[0]


def test_all_accounts_fail(center: Center) -> None:
    """When no account can be asked that is the error."""
    center.fault(kind="error", status=403, code="ForbiddenException", action="ListAccountRoles", count=None)
    with pytest.raises(AwsError, match="ForbiddenException"):
        found(center, "dana")


def test_session_that_ends_meanwhile(center: Center) -> None:
    """A session that is gone is not a hundred warnings but one hint; nobody is asked from several threads."""
    person = Person(center.served)
    token = access(center.provider(), center.context(person))
    center.fault(kind="error", status=401, code="UnauthorizedException", action="ListAccountRoles", count=None)
    center.fault(kind="error", status=400, code="InvalidGrantException", action="CreateToken", count=None)
    with pytest.raises(NeedsHuman):
        provision(center.provider(), token, center.context(person))
    assert len(person.opened) == 1


def test_names_of_accounts_are_made_fit(center: Center) -> None:
    """Blanks and control characters in an account's name cannot drive a terminal or split a line."""
    center.control("POST", "accounts", {"account": "777700001111", "name": "R&D \u001b[31m  team\u0007"})
    center.control(
        "POST",
        "assignments",
        {"user_name": "erik@example.com", "account": "777700001111", "permission_set": "ClusterReader"},
    )
    identities, _ = found(center, "erik@example.com")
    assert "R&D -[31m team-/ClusterReader" in [identity.name for identity in identities]
    center.control(
        "DELETE",
        "assignments",
        {"user_name": "erik@example.com", "account": "777700001111", "permission_set": "ClusterReader"},
    )
