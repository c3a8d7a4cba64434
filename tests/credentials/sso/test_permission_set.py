"""From a portal's access token to credentials: accounts by id and name, refusals that say what there is instead."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import botocore.session
import pytest
from tests.credentials.sso.conftest import PLACE, Center
from tests.credentials.sso.person import Person

from eksauth.credentials.config.model import Principal
from eksauth.credentials.identities.contract import Context, NeedsHuman, SsoAccess
from eksauth.credentials.model import Credentials
from eksauth.credentials.sso.account_names import account_named, remember_account
from eksauth.credentials.sso.calls import Account
from eksauth.credentials.sso.files import token_path
from eksauth.credentials.sso.permission_set import PermissionSetStep, identity_step
from eksauth.credentials.sso.provider import access
from eksauth.credentials.sso.tokens import access_token
from eksauth.errors import AwsError, ConfigError, EksauthError

MAIN = "111122223333"
DATA = "666677778888"


def step(center: Center, role: str = "ClusterReader", **principal: Any) -> PermissionSetStep:
    """Return the step of an identity."""
    identity = center.identity(role, **principal)
    return identity_step(identity, center.config(identity))


def signed_in(center: Center, user: str = "dana") -> SsoAccess:
    """Sign in and return what the first link gives."""
    access_token(center.provider(), center.context(Person(center.served, user)))
    return access(center.provider(), center.context())


def arn_of(credentials: Credentials) -> str:
    """Ask STS who the credentials belong to."""
    client = botocore.session.Session().create_client(
        "sts",
        "us-west-2",
        aws_access_key_id=credentials.access_key_id,
        aws_secret_access_key=credentials.secret_access_key,
        aws_session_token=credentials.session_token,
    )
    arn = str(client.get_caller_identity()["Arn"])
    client.close()
    return arn


@pytest.mark.parametrize(
    "user, role, principal, account",
    [
        pytest.param("dana", "ClusterReader", {"account_id": MAIN}, MAIN, id="by id"),
        pytest.param("dana", "AdministratorAccess", {"account_name": "sandbox-main"}, MAIN, id="by name"),
        pytest.param("dana", "ClusterReader", {"account_name": "Sandbox-Partner"}, "444455556666", id="any case"),
        pytest.param("erik@example.com", "Data.Engineer", {"account_name": "sandbox-data"}, DATA, id="dot, one of two"),
    ],
)
def test_credentials(center: Center, user: str, role: str, principal: dict[str, str], account: str) -> None:
    """The credentials are those of the permission set's role in that account, and carry the person's name."""
    made = step(center, role, **principal).obtain(signed_in(center, user), center.context())
    assert isinstance(made, Credentials)
    assert arn_of(made).startswith(f"arn:aws:sts::{account}:assumed-role/AWSReservedSSO_{role}_")
    assert arn_of(made).endswith(f"/{user}")
    assert made.expires_at is not None
    assert 3500 < made.expires_at - center.clock() < 7300
    assert made.source == f"permission set {role} in account {account}"


def test_account_of_the_step(center: Center) -> None:
    """The step tells its account where the configuration does, and all that decides what it gives."""
    assert step(center, account_id=MAIN).account == MAIN
    assert step(center, account_name="sandbox-main").account is None
    assert step(center, account_id=MAIN).facts() != step(center, account_name=MAIN).facts()
    assert step(center, account_id=MAIN).facts() != step(center, "Other", account_id=MAIN).facts()


def test_many_accounts(center: Center) -> None:
    """A name on a later page of accounts is found; the list is read once a day."""
    center.control("POST", "many-accounts", {"count": 110, "user_name": "farah", "permission_set": "ClusterReader"})
    token = signed_in(center, "farah")
    names = [one["name"] for one in center.control("GET", "")["accounts"] if one["name"].startswith("account-")]
    wanted = step(center, account_name=names[-1])
    wanted.obtain(token, center.context())
    pages = center.asked("ListAccounts")
    assert pages >= 2
    wanted.obtain(token, center.context())
    assert center.asked("ListAccounts") == pages
    wanted.obtain(token, center.context(fresh=True))
    assert center.asked("ListAccounts") == 2 * pages
    center.later(0)
    wanted.obtain(token, center.context(clock=lambda: center.clock() + 90_000))
    assert center.asked("ListAccounts") == 3 * pages


def test_name_that_moved(center: Center) -> None:
    """A remembered id that gives nothing any more is looked up again."""
    token = signed_in(center)
    remember_account(os.environ, center.portal(), "sandbox-main", "999900001111", center.clock())
    made = step(center, account_name="sandbox-main").obtain(token, center.context())
    assert made.source.endswith(MAIN)


@pytest.mark.parametrize(
    "name, message, hint",
    [
        (
            "sandbox-data",
            "2 accounts are called 'sandbox-data'",
            "write the id instead of the name: 555566667777, 666677778888",
        ),
        ("sandbox-mian", "no account of yours is called 'sandbox-mian'", "did you mean sandbox-main"),
        ("qqq", "no account of yours is called 'qqq'", "these are yours: sandbox-data, sandbox-main, sandbox-partner"),
    ],
    ids=["ambiguous", "near", "unknown"],
)
def test_names_that_mean_no_account(center: Center, name: str, message: str, hint: str) -> None:
    """A name that means none or several accounts is refused with what there is."""
    with pytest.raises(ConfigError, match=message) as caught:
        step(center, account_name=name).obtain(signed_in(center), center.context())
    assert caught.value.hint is not None
    assert caught.value.hint.startswith(hint)


def test_exact_name_comes_first() -> None:
    """Of two names that differ in case only the exact one is taken."""
    accounts = [Account("1" * 12, "Prod"), Account("2" * 12, "prod")]
    assert account_named("prod", accounts, "x").id == "2" * 12
    with pytest.raises(ConfigError, match="2 accounts are called 'PROD'"):
        account_named("PROD", accounts, "x")
    with pytest.raises(ConfigError) as caught:
        account_named("prod", [], "x")
    assert caught.value.hint == "you have no account at this portal; ask who runs it"


@pytest.mark.parametrize(
    "role, account, hint",
    [
        ("Administrator", MAIN, "in that account you may be: AdministratorAccess, ClusterReader"),
        (
            "ClusterReader",
            "123456789012",
            "you may be nobody in that account; check its id, or ask who runs the portal",
        ),
    ],
    ids=["role", "account"],
)
def test_not_assigned(center: Center, role: str, account: str, hint: str) -> None:
    """A permission set that is not assigned is named with its account, next to what is assigned there."""
    with pytest.raises(AwsError, match=f"gives you no permission set {role} in account {account}") as caught:
        step(center, role, account_id=account).obtain(signed_in(center), center.context())
    assert (caught.value.hint, caught.value.code) == (hint, "aws.ForbiddenException")


def test_token_that_the_portal_dropped(center: Center) -> None:
    """When the portal no longer takes a token that should be good, it is renewed and the call made again."""
    token = signed_in(center)
    center.control("POST", "expire", {"what": "access", "user_name": "dana"})
    step(center, account_id=MAIN).obtain(token, center.context())
    assert center.asked("CreateToken") == 2


def test_session_that_was_ended_elsewhere(center: Center) -> None:
    """After a sign-out elsewhere nobody stalls: without a person there is a hint, with one a sign-in."""
    token = signed_in(center)
    center.control("DELETE", "sessions/dana")
    with pytest.raises(NeedsHuman, match="does not accept the sign-in to 'corp'") as caught:
        step(center, account_id=MAIN).obtain(token, center.context())
    assert caught.value.hint == "run: eksauth login corp"
    person = Person(center.served)
    step(center, account_id=MAIN).obtain(token, center.context(person))
    assert len(person.opened) == 1


def test_throttled(center: Center) -> None:
    """A portal that is busy for a moment is asked again."""
    token = signed_in(center)
    center.fault(kind="throttle", action="GetRoleCredentials")
    step(center, account_id=MAIN).obtain(token, center.context())


@pytest.mark.parametrize("order", [{"kind": "garbage"}, {"kind": "error", "status": 403, "code": "Strange"}])
def test_answers_that_cannot_be_used(center: Center, order: dict[str, Any]) -> None:
    """Answers that no portal gives are one error."""
    token = signed_in(center)
    center.fault(action="GetRoleCredentials", count=None, **order)
    with pytest.raises(AwsError) as caught:
        step(center, account_id=MAIN).obtain(token, center.context())
    assert token.access_token not in f"{caught.value.message} {caught.value.hint}"


def test_portal_of_a_configuration_that_nobody_named(center: Center) -> None:
    """A file found on the way up cannot have an access token sent to a host of its choice."""
    identity = center.identity(account_id=MAIN)
    config = center.config(identity, searched=True, endpoint_url=center.served.url)
    wanted = identity_step(identity, config)
    with pytest.raises(NeedsHuman, match="only found by searching"):
        wanted.obtain(signed_in(center), center.context(config=config))
    assert center.asked("GetRoleCredentials") == 0


def test_source_that_is_no_portal(center: Center) -> None:
    """A chain that hands over something else is a matter of the configuration."""
    with pytest.raises(ConfigError, match="those start at a portal"):
        step(center, account_id=MAIN).obtain(Credentials("a", "b"), center.context())


@pytest.mark.parametrize(
    "change, expected",
    [
        ({"via_provider": None}, "without a portal"),
        ({"via_provider": "other"}, "without a portal"),
        ({"principal": Principal(name="X")}, "has no principal.account"),
        ({"principal": Principal(account_id=MAIN)}, "has no principal.name"),
    ],
)
def test_incomplete_identities(center: Center, change: dict[str, Any], expected: str) -> None:
    """What a permission set lacks is said with its place."""
    identity = replace(center.identity(account_id=MAIN), **change)
    with pytest.raises(EksauthError, match=f"{PLACE}: identity 'dev' .*{expected}"):
        identity_step(identity, center.config(identity))


def test_provider_by_any_case(center: Center) -> None:
    """The provider's name is found however it is spelled."""
    identity = replace(center.identity(account_id=MAIN), via_provider="CORP")
    assert identity_step(identity, center.config(identity)).provider.name == "corp"


def test_secrets_stay_inside(center: Center, caplog: pytest.LogCaptureFixture) -> None:
    """No token, secret or key is logged on the way, even with everything but botocore at its most talkative."""
    with caplog.at_level("DEBUG", logger="eksauth"):
        token = signed_in(center)
        context: Context = center.context()
        made = step(center, account_id=MAIN).obtain(token, context)
    stored = token_path(os.environ, center.portal()).read_text()
    assert token.access_token in stored
    for secret in (token.access_token, made.secret_access_key, str(made.session_token)):
        assert secret not in caplog.text + repr(made) + repr(token)
