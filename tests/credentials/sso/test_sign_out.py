"""Signing out: ended at the portal, removed here, verified, and nobody else's."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from tests.credentials.sso.conftest import Center
from tests.credentials.sso.person import Person

from eksauth.credentials.identities.contract import NeedsHuman
from eksauth.credentials.sso.files import read_token, registration_path, token_path, write_token
from eksauth.credentials.sso.sign_out import SignedOut, sign_out
from eksauth.credentials.sso.token import Token
from eksauth.credentials.sso.tokens import access_token


def signed_in(center: Center, **provider: str) -> Token:
    """Sign in and return the token."""
    return access_token(center.provider(**provider), center.context(Person(center.served)))


def out(center: Center, **provider: str) -> SignedOut:
    """Sign out."""
    return sign_out(center.provider(**provider), center.config(), os.environ)


def test_signing_out(center: Center) -> None:
    """The portal ends the session, the files are gone, and what was there is told."""
    signed_in(center)
    result = out(center)
    session = f"session at {center.served.start_url}"
    assert result.done == (
        f"{session}: ended at the portal",
        "token of 'corp': removed",
        "registration for 'corp': removed",
    )
    assert result.failed == ()
    assert not token_path(os.environ, center.portal()).exists()
    assert not registration_path(os.environ, center.portal()).exists()
    assert center.control("GET", "")["sessions"] == {}
    with pytest.raises(NeedsHuman):
        access_token(center.provider(), center.context())
    assert out(center) == SignedOut()


def test_other_sessions_stay(center: Center) -> None:
    """A second session of the same portal is left alone, here and there."""
    signed_in(center, session_name="work")
    other = signed_in(center, session_name="side")
    assert len(out(center, session_name="work").done) == 3
    assert access_token(center.provider(session_name="side"), center.context()).access_token == other.access_token
    assert center.control("GET", "")["sessions"] == {"dana": 1}


def test_expired_token_with_a_living_refresh_token(center: Center) -> None:
    """A session whose access token has expired is renewed first, so that its refresh token ends with it."""
    token = signed_in(center)
    write_token(os.environ, center.portal(), replace(token, expires_at=1))
    result = out(center)
    assert result.done[0].endswith("ended at the portal")
    assert center.control("GET", "")["sessions"] == {}


def test_session_that_was_over(center: Center) -> None:
    """A session that ended elsewhere leaves files, and those go."""
    signed_in(center)
    center.control("DELETE", "sessions/dana")
    result = out(center)
    assert result.done[0].endswith("had ended")
    assert (len(result.done), result.failed) == (3, ())


def test_expired_and_not_renewable(center: Center) -> None:
    """A session that ran out leaves files, and those go."""
    token = signed_in(center)
    write_token(os.environ, center.portal(), replace(token, expires_at=1, refresh_token=None))
    result = out(center)
    assert result.done[0].endswith("had expired")
    assert read_token(os.environ, center.portal()) is None


@pytest.mark.parametrize("operation", ["Logout", "ListAccounts"])
def test_portal_that_cannot_be_asked(center: Center, operation: str) -> None:
    """Without the portal the files go all the same, and what could not be done or verified is told."""
    signed_in(center)
    center.fault(kind="error", status=400, code="InvalidRequestException", action=operation)
    result = out(center)
    assert len(result.failed) == 1
    assert "InvalidRequestException" in result.failed[0]
    assert result.done == ("token of 'corp': removed", "registration for 'corp': removed")
    assert read_token(os.environ, center.portal()) is None


def test_files_that_cannot_be_removed(center: Center) -> None:
    """A file that stays is named."""
    signed_in(center)
    path = registration_path(os.environ, center.portal())
    path.unlink()
    Path(path, "x").mkdir(parents=True)
    result = out(center)
    assert len(result.failed) == 1
    assert str(path) in result.failed[0]


def test_no_secret_is_told(center: Center) -> None:
    """What is told of a sign-out holds no token."""
    token = signed_in(center)
    assert token.access_token not in repr(out(center))
