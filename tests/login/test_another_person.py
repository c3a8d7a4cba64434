"""Whoever signs in at a portal is who one is from then on: nothing that somebody else was given is used any more."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tests.credentials.sso.conftest import Center, center_, running_
from tests.credentials.sso.person import Person
from tests.credentials.sso.test_permission_set import arn_of
from tests.login.test_sso import config_file_, load, sign_in

from eksauth.credentials.identities.authenticate import authenticate, cached_session
from eksauth.credentials.identities.contract import NeedsHuman
from eksauth.credentials.sso import tokens
from eksauth.credentials.sso.files import token_path
from eksauth.credentials.sso.provider import access
from eksauth.errors import AwsError
from eksauth.login.leaving import leaving_provider
from eksauth.login.sign_out import sign_out
from eksauth.token.fast import fast_answer

__all__ = ["center_", "config_file_", "running_"]

ERIK = "erik@example.com"


def login_as(center: Center, path: Path, user: str, name: str) -> None:
    """Let somebody sign in anew for one identity, in a process that knows nothing of earlier ones."""
    tokens._signed_in_here.clear()
    done = sign_in(center, path, Person(center.served, user, local=True), name, fresh=True)
    assert [each.error for each in done.outcomes] == [None]


def who(center: Center, path: Path, name: str) -> str:
    """Return the person that STS takes an identity for, without asking anybody here."""
    config = load(path)
    session = authenticate(config, config.identities[name], environ=os.environ, clock=center.clock)
    return arn_of(session.credentials).rpartition("/")[2]


def hot(center: Center, path: Path, name: str) -> bool:
    """Tell whether kubectl would get a token for an identity from files alone."""
    argv = ["token", "--cluster-name", "demo", "--region", "us-west-2", "--identity", name, "--config", str(path)]
    return fast_answer([*argv, "--realm="], os.environ, center.clock()) is not None


def test_another_persons_credentials_are_not_used(center: Center, config_file: Path) -> None:
    """Erik signs in where Dana was: her other identity is not answered from the cache, and he is not who she was."""
    login_as(center, config_file, "dana", "admin")
    sign_in(center, config_file, None, "reader")
    assert hot(center, config_file, "admin")
    assert hot(center, config_file, "reader")

    login_as(center, config_file, ERIK, "reader")

    assert not hot(center, config_file, "admin")
    assert hot(center, config_file, "reader")
    assert who(center, config_file, "reader") == ERIK
    config = load(config_file)
    assert cached_session(config, config.identities["admin"], environ=os.environ, now=center.clock()) is None
    with pytest.raises(AwsError, match="no permission set AdministratorAccess"):
        who(center, config_file, "admin")


def test_nor_when_another_tool_signed_in(center: Center, config_file: Path) -> None:
    """The token file is another one, as after `aws sso login`: what the person before had is not used any more."""
    login_as(center, config_file, "dana", "reader")
    path = token_path(os.environ, center.portal())
    of_dana = path.read_bytes()
    login_as(center, config_file, ERIK, "reader")
    of_erik = path.read_bytes()
    path.write_bytes(of_dana)
    login_as(center, config_file, "dana", "reader")
    path.write_bytes(of_erik)

    assert who(center, config_file, "reader") == ERIK


def test_a_renewed_sign_in_keeps_what_is_cached(center: Center, config_file: Path) -> None:
    """Renewing the access token changes the file and not the person: the hot path goes on, also the time after."""
    login_as(center, config_file, "dana", "reader")
    path = token_path(os.environ, center.portal())
    for _ in range(3):
        before = path.read_bytes()
        access(center.provider(), center.context(), refused=json.loads(before)["accessToken"])
        assert path.read_bytes() != before
        assert hot(center, config_file, "reader")
    assert center.asked("GetRoleCredentials") == 1

    login_as(center, config_file, ERIK, "reader")

    assert who(center, config_file, "reader") == ERIK


def test_a_sign_in_that_is_gone_takes_what_came_of_it_along(center: Center, config_file: Path) -> None:
    """Without its token, as after `aws sso logout`, nobody is signed in, whatever is cached."""
    login_as(center, config_file, "dana", "reader")

    token_path(os.environ, center.portal()).unlink()

    assert not hot(center, config_file, "reader")
    with pytest.raises(NeedsHuman):
        who(center, config_file, "reader")


def test_signing_out_removes_what_the_first_sign_in_left(center: Center, config_file: Path, home: Path) -> None:
    """What is cached is named after the sign-in, and gone from the disk after a logout all the same."""
    login_as(center, config_file, "dana", "admin")
    sign_in(center, config_file, None, "reader")
    config = load(config_file)

    result = sign_out(
        config, leaving_provider(config, config.providers["corp"]), environ=os.environ, clock=center.clock
    )

    assert result.failed == []
    assert list(home.rglob("*.cred")) == []
