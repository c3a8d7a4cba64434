"""Renewing without a person: once for all who wait, never twice with the same refresh token, and what happens when not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import botocore.session
import pytest
from tests.credentials.sso.conftest import Center
from tests.credentials.sso.person import Person

from eksauth.credentials.identities.contract import NeedsHuman
from eksauth.credentials.sso.files import locked, read_token, token_path, write_token
from eksauth.credentials.sso.refresh import refreshed
from eksauth.credentials.sso.token import Token
from eksauth.credentials.sso.tokens import access_token
from eksauth.credentials.sso.uninterrupted import uninterrupted
from eksauth.errors import AwsError, AwsUnreachable

_WORKER = """
import os, sys
from eksauth.credentials.config.model import AuthConfig, Place, Provider
from eksauth.credentials.identities.contract import Context, NeedsHuman
from eksauth.credentials.sso.tokens import access_token
kind = "aws/iam-identity-center"
provider = Provider(name="corp", kind=kind, declared_kind=kind, place=Place("x", 1, 1), region="us-west-2", start_url=sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
try:
    print(access_token(provider, Context(config=AuthConfig(), environ=os.environ, region="us-west-2")).access_token)
except NeedsHuman as error:
    print(error)
"""


def signed_in(center: Center) -> Token:
    """Sign in and return the token."""
    return access_token(center.provider(), center.context(Person(center.served)))


def aged(center: Center, token: Token, seconds: float) -> Token:
    """Let the stored token have ``seconds`` to live."""
    write_token(os.environ, center.portal(), replace(token, expires_at=int(center.clock() + seconds)))
    old = read_token(os.environ, center.portal())
    assert old is not None
    return old


@pytest.mark.parametrize("left", [-5, 1, 250], ids=["expired", "last second", "soon"])
def test_renewed_in_time(center: Center, left: int) -> None:
    """A token that has ended, or soon will, is renewed without anybody, and both new tokens are kept."""
    old = aged(center, signed_in(center), left)
    new = access_token(center.provider(), center.context())
    assert new.access_token != old.access_token
    assert new.refresh_token != old.refresh_token
    assert new.expires_at - center.clock() > 3000
    assert read_token(os.environ, center.portal()) == new
    assert access_token(center.provider(), center.context()) == new
    assert center.asked("CreateToken") == 2


def test_renewed_again_and_again(center: Center) -> None:
    """The refresh token changes with each use, and the newest one is always the one that is kept."""
    signed_in(center)
    seen = set()
    for _ in range(5):
        center.later(3500)
        token = access_token(center.provider(), center.context())
        seen |= {token.access_token, token.refresh_token}
    assert len(seen) == 10


def test_many_processes_renew_once(center: Center) -> None:
    """Of many processes that find the token expired one renews it; the others take what it got."""
    aged(center, signed_in(center), -5)
    command = [sys.executable, "-P", "-c", _WORKER, center.served.start_url]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(8)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    center.fault(kind="latency", seconds=0.3, action="CreateToken")
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    said = {process.communicate(timeout=60)[0] for process in processes}
    token = read_token(os.environ, center.portal())
    assert token is not None
    assert said == {f"{token.access_token}\n"}
    assert center.asked("CreateToken") == 2


def test_refresh_token_that_the_portal_refuses(center: Center) -> None:
    """A dead refresh token is sent once; after that everybody is told at once to sign in, and the file is untouched."""
    old = aged(center, signed_in(center), -5)
    center.control("POST", "expire", {"what": "refresh", "user_name": "dana"})
    for _ in range(3):
        with pytest.raises(NeedsHuman, match="has expired") as caught:
            access_token(center.provider(), center.context())
        assert caught.value.hint == "run: eksauth login corp"
    assert center.asked("CreateToken") == 2
    assert read_token(os.environ, center.portal()) == old
    assert access_token(center.provider(), center.context(Person(center.served))).access_token != old.access_token
    aged(center, signed_in(center), 1)
    access_token(center.provider(), center.context())


def test_without_a_cache_directory(center: Center, home: Path) -> None:
    """Where eksauth can keep nothing of its own, renewing still works."""
    (home / ".cache").write_text("")
    aged(center, signed_in(center), -5)
    assert access_token(center.provider(), center.context()).expires_at > center.clock()


def test_registration_that_ends_before(center: Center) -> None:
    """Without a living client a refresh token is not even tried."""
    token = signed_in(center)
    assert token.client is not None
    gone = replace(token, expires_at=1, client=replace(token.client, expires_at=center.clock() - 1))
    write_token(os.environ, center.portal(), gone)
    with pytest.raises(NeedsHuman):
        access_token(center.provider(), center.context())
    assert center.asked("CreateToken") == 1


@pytest.mark.parametrize("left", [100, -5], ids=["alive", "expired"])
def test_portal_that_does_not_answer(center: Center, left: int) -> None:
    """A token that is still alive is used when it cannot be renewed; one that is not is a matter of the network."""
    old = aged(center, signed_in(center), left)
    center.fault(kind="reset", action="CreateToken", count=None)
    if left > 0:
        assert access_token(center.provider(), center.context()) == old
        return
    with pytest.raises(AwsUnreachable, match="cannot reach"):
        access_token(center.provider(), center.context())


@pytest.mark.parametrize("order", [{"kind": "error", "status": 500}, {"kind": "throttle"}])
def test_answers_that_will_pass(center: Center, order: dict[str, object]) -> None:
    """A service that has a bad moment costs nobody the sign-in."""
    old = aged(center, signed_in(center), -5)
    center.fault(action="CreateToken", **order)
    with pytest.raises(AwsError):
        access_token(center.provider(), center.context())
    assert read_token(os.environ, center.portal()) == old
    assert access_token(center.provider(), center.context()).access_token != old.access_token


def test_who_waited_for_a_failure_fails_with_it(center: Center) -> None:
    """Processes that queue behind a renewal that fails do not each wait for the same broken network."""
    old = aged(center, signed_in(center), -5)
    center.fault(kind="reset", action="CreateToken", count=None)
    portal, before = center.portal(), center.clock()
    with pytest.raises(AwsUnreachable):
        refreshed(portal, old, center.context())
    with pytest.raises(AwsUnreachable):
        refreshed(portal, old, center.context(clock=lambda: before))
    assert center.asked("CreateToken") == 2
    center.served.control("DELETE", "faults")
    assert refreshed(portal, old, center.context()) is not None


def test_signed_out_meanwhile(center: Center) -> None:
    """A sign-out while somebody waits to renew is final."""
    old = aged(center, signed_in(center), -5)
    token_path(os.environ, center.portal()).unlink()
    assert refreshed(center.portal(), old, center.context()) is None
    assert center.asked("CreateToken") == 1


def test_botocore_was_first(center: Center, home: Path) -> None:
    """When botocore renews the same file between reading and asking, its token is used and ours is not sent."""
    token = signed_in(center)
    old = aged(center, token, 60)
    write_profile(home, center, session=None)
    cache = botocore.utils.JSONFileCache(str(token_path(os.environ, center.portal()).parent))
    renewed = json.loads(token_path(os.environ, center.portal()).read_text())
    assert token.client is not None
    client = botocore.session.Session().create_client("sso-oidc", "us-west-2")
    answer = client.create_token(
        grantType="refresh_token",
        clientId=token.client.client_id,
        clientSecret=token.client.client_secret,
        refreshToken=token.refresh_token,
    )
    # refused first, then found in the file
    write_token(os.environ, center.portal(), old)
    center.fault(kind="latency", seconds=0.5, action="CreateToken")

    def sleep_not(_seconds: float) -> None:
        raise AssertionError("nobody holds the lock")

    class Rival:
        """Writes the file while our request is under way."""

        def __init__(self) -> None:
            self.calls = 0

        def __call__(self) -> float:
            self.calls += 1
            if self.calls == 3:
                renewed.update(accessToken=answer["accessToken"], refreshToken=answer["refreshToken"])
                renewed["expiresAt"] = "2099-01-01T00:00:00Z"
                cache[center.portal().token_key] = renewed
            return center.clock()

    found = refreshed(center.portal(), old, center.context(clock=Rival(), sleep=sleep_not))
    assert found is not None
    assert found.access_token == answer["accessToken"]
    client.close()


def test_lock_that_somebody_keeps(center: Center) -> None:
    """A process that holds the lock for ever delays, and does not stop, the others."""
    old = aged(center, signed_in(center), -5)
    with locked(os.environ, center.portal(), "refresh", sleep=center.sleep) as held:
        assert held
        with locked(os.environ, center.portal(), "refresh", sleep=center.sleep, wait=0.01) as again:
            assert not again
    assert refreshed(center.portal(), old, center.context()) is not None


def test_endpoint_of_a_configuration_that_nobody_named(center: Center) -> None:
    """A file found on the way up decides nothing about where refresh tokens are sent."""
    url = center.served.url
    provider = center.provider(endpoint_url=url)
    token = access_token(provider, center.context(Person(center.served)))
    portal = center.portal(endpoint_url=url)
    write_token(os.environ, portal, replace(token, expires_at=1))
    before = center.asked("CreateToken")
    context = center.context(config=center.config(searched=True, endpoint_url=url))
    with pytest.raises(NeedsHuman, match="only found by searching"):
        access_token(provider, context)
    assert center.asked("CreateToken") == before
    assert access_token(provider, center.context()).expires_at > center.clock()


def test_interrupt_waits_for_the_exchange() -> None:
    """Ctrl-C while one token replaces another counts when that is done; a second one counts at once."""
    done = []
    with pytest.raises(KeyboardInterrupt), uninterrupted():
        signal.raise_signal(signal.SIGINT)
        done.append("first")
    with pytest.raises(KeyboardInterrupt), uninterrupted():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        done.append("never")
    with uninterrupted():
        done.append("nothing")
    assert done == ["first", "nothing"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def write_profile(home: Path, center: Center, *, session: str | None) -> None:
    """Write AWS's own configuration of the portal as profile ``corp``."""
    where = f"sso_start_url = {center.served.start_url}\nsso_region = us-west-2\n"
    profile = "sso_account_id = 111122223333\nsso_role_name = ClusterReader\nregion = us-west-2\n"
    text = f"[profile corp]\n{where if session is None else f'sso_session = {session}'}\n{profile}"
    if session is not None:
        text += f"[sso-session {session}]\n{where}sso_registration_scopes = sso:account:access\n"
    (home / ".aws").mkdir(exist_ok=True)
    (home / ".aws" / "config").write_text(text)
