"""Signing in with a person: device codes, authorization codes, refusals, and who waits for whom."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.credentials.sso.conftest import SECRETS, Center
from tests.credentials.sso.person import Person, visit

from eksauth.credentials.identities.contract import NeedsHuman
from eksauth.credentials.sso.files import read_registration, read_token, registration_path, token_path
from eksauth.credentials.sso.provider import provider_step
from eksauth.credentials.sso.tokens import access_token
from eksauth.errors import EksauthError

BOTH = [pytest.param(False, id="device"), pytest.param(True, id="code")]


def modes(*paths: Path) -> list[int]:
    """Return the permission bits of files."""
    return [path.stat().st_mode & 0o777 for path in paths]


@pytest.mark.parametrize("local", BOTH)
def test_signing_in(center: Center, local: bool) -> None:
    """A person confirms, and the token is kept for next time; the way depends on where their browser is."""
    person = Person(center.served, local=local)
    step = provider_step(center.provider(), center.config())

    access = step.obtain(None, center.context(person))

    assert access.access_token.startswith("aoa")
    assert (access.region, access.start_url) == ("us-west-2", center.served.start_url)
    assert ("/authorize?" in person.opened[0]) == local
    assert step.obtain(None, center.context()) == access
    assert center.asked("CreateToken") == 1
    portal = center.portal()
    assert modes(token_path(os.environ, portal), registration_path(os.environ, portal)) == [0o600, 0o600]
    assert modes(token_path(os.environ, portal).parent) == [0o700]
    assert not any(secret in line for line in person.told for secret in SECRETS)


@pytest.mark.parametrize("local", BOTH)
def test_refused_in_the_browser(center: Center, local: bool) -> None:
    """A person who says no gets an error that says so, and nothing is kept."""
    with pytest.raises(EksauthError, match="was refused in the browser") as caught:
        access_token(center.provider(), center.context(Person(center.served, allow=False, local=local)))
    assert (caught.value.code, caught.value.exit_code) == ("sso.denied", 4)
    assert read_token(os.environ, center.portal()) is None


def test_page_in_the_browser(center: Center) -> None:
    """The page at the end holds neither the code nor the state."""
    person = Person(center.served, local=True)
    token = access_token(center.provider(), center.context(person))
    while not person.pages:
        pass
    status, page = person.pages[0]
    assert (status, "Go back to the terminal" in page) == (200, True)
    assert token.access_token not in page
    assert "code=" not in page
    assert "state" not in page.replace("replaceState", "")


@pytest.mark.parametrize(
    "flow, local, authorizes",
    [("auto", True, True), ("auto", False, False), ("device", True, False), ("pkce", False, True)],
)
def test_configured_flow(center: Center, flow: Any, local: bool, authorizes: bool) -> None:
    """The provider's flow beats the choice by where the browser is."""
    person = Person(center.served, local=local)
    access_token(center.provider(flow=flow), center.context(person))
    assert ("/authorize?" in person.opened[0]) == authorizes


def test_polling_slows_down_for_good(center: Center) -> None:
    """Each slow_down adds five seconds to all later waits."""
    waits: list[float] = []
    person = Person(center.served, opens=False)

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        center.later(seconds)
        if len(waits) == 2:
            for _ in range(2):
                center.fault(kind="throttle", action="CreateToken")
        if len(waits) == 6:
            line = next(line for line in person.told if "it shows the code" in line)
            person.decide(line.split("code ")[1].split(",")[0])

    access_token(center.provider(), center.context(person, sleep=sleep))

    assert waits == [1, 1, 6, 11, 11, 11]


def test_polling_survives_a_network_that_does_not(center: Center) -> None:
    """A lost connection while waiting is no reason to begin again; the next try comes later."""
    waits: list[float] = []
    person = Person(center.served)

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        center.later(seconds)

    center.fault(kind="reset", action="CreateToken", count=2)
    access_token(center.provider(), center.context(person, sleep=sleep))
    assert waits == [1, 2, 4]


def test_nobody_confirms(center: Center) -> None:
    """When the code has expired by the portal's clock, waiting ends."""
    center.control("PUT", "settings", {"device_seconds": 60})
    person = Person(center.served, opens=False)
    with pytest.raises(EksauthError, match="nobody confirmed") as caught:
        access_token(center.provider(), center.context(person))
    assert caught.value.code == "sso.not_confirmed"
    assert any("/device?user_code=" in line for line in person.told)


def test_clock_that_is_wrong(center: Center) -> None:
    """A clock that is an hour fast does not end the waiting: the portal's clock decides."""
    person = Person(center.served)
    token = access_token(center.provider(), center.context(person, clock=lambda: center.clock() + 3600))
    registration = read_registration(os.environ, center.portal())
    assert registration is not None
    # both ends are on our clock, as all comparisons are
    assert abs(token.expires_at - center.clock() - 3600 - 3600) < 30
    assert abs(registration.expires_at - center.clock() - 3600 - 90 * 86400) < 30


@pytest.mark.parametrize("local", BOTH)
def test_registration_is_reused(center: Center, local: bool) -> None:
    """The next sign-in of the same kind registers no client."""
    for _ in range(2):
        token_path(os.environ, center.portal()).unlink(missing_ok=True)
        access_token(center.provider(), center.context(Person(center.served, local=local)))
    assert center.asked("RegisterClient") == 1


def test_registration_of_the_other_kind_is_not(center: Center) -> None:
    """A client that was registered for device codes gets no authorization codes."""
    for local in (False, True):
        token_path(os.environ, center.portal()).unlink(missing_ok=True)
        access_token(center.provider(), center.context(Person(center.served, local=local)))
    assert center.asked("RegisterClient") == 2


def test_registration_that_has_ended(center: Center) -> None:
    """A client that the portal has forgotten is registered anew, without bothering the person."""
    access_token(center.provider(), center.context(Person(center.served)))
    token_path(os.environ, center.portal()).unlink()
    center.control("POST", "expire", {"what": "client"})
    access_token(center.provider(), center.context(Person(center.served)))
    assert center.asked("RegisterClient") == 2


def test_portal_without_authorization_codes(center: Center) -> None:
    """Where the portal cannot register for them, the automatic choice falls back to a device code."""
    center.fault(kind="error", status=400, code="UnsupportedGrantTypeException", action="RegisterClient")
    person = Person(center.served, local=True)
    access_token(center.provider(), center.context(person))
    assert "user_code" in person.opened[0]


@pytest.mark.parametrize(
    "provider, expected",
    [
        ({"start_url": "https://other.awsapps.example/start"}, "Invalid start URL provided"),
        ({"scopes": ("no:such",)}, "Invalid scope requested"),
    ],
    ids=["start URL", "scope"],
)
def test_wrong_configuration(center: Center, provider: dict[str, Any], expected: str) -> None:
    """What the portal does not like about the configuration is said with a hint."""
    with pytest.raises(EksauthError, match=expected) as caught:
        access_token(center.provider(**provider), center.context(Person(center.served)))
    assert "start_url" in str(caught.value.hint)
    assert caught.value.exit_code == 5


@pytest.mark.parametrize("kind", ["garbage", "reset"])
@pytest.mark.parametrize("operation", ["RegisterClient", "StartDeviceAuthorization"])
def test_broken_answers(center: Center, kind: str, operation: str) -> None:
    """Pages of proxies and cut connections are one error, not a traceback, and nothing is kept."""
    center.fault(kind=kind, action=operation, count=None)
    with pytest.raises(EksauthError) as caught:
        access_token(center.provider(), center.context(Person(center.served)))
    assert caught.value.exit_code == 5
    assert read_token(os.environ, center.portal()) is None


@pytest.mark.parametrize("local", BOTH)
def test_leaving(center: Center, local: bool) -> None:
    """Ctrl-C while waiting leaves no token, no lock and no port behind."""

    def interrupt(_: Any) -> None:
        raise KeyboardInterrupt

    person = Person(center.served, local=local, before=interrupt)
    with pytest.raises(KeyboardInterrupt):
        access_token(center.provider(), center.context(person))
    access_token(center.provider(), center.context(Person(center.served, local=local)))
    if local:
        with pytest.raises(OSError, match="refused"):
            visit(person.opened[0].split("redirect_uri=")[1].split("&")[0].replace("%3A", ":").replace("%2F", "/"))


@pytest.mark.parametrize("local", BOTH)
def test_two_at_once(center: Center, local: bool) -> None:
    """Of two that sign in at once one asks; the other waits for it and uses what it got."""
    begun, go_on = threading.Event(), threading.Event()

    def first(_: str) -> None:
        begun.set()
        assert go_on.wait(20)

    asking, waiting = Person(center.served, local=local, before=first), Person(center.served, local=local)
    tokens: list[str] = []

    def sign_in(person: Person, **more: Any) -> None:
        tokens.append(access_token(center.provider(), center.context(person, fresh=True, **more)).access_token)

    def pause(seconds: float) -> None:
        go_on.set()
        threading.Event().wait(seconds)

    one = threading.Thread(target=sign_in, args=(asking,))
    one.start()
    assert begun.wait(20)
    other = threading.Thread(target=sign_in, args=(waiting,), kwargs={"sleep": pause})
    other.start()
    one.join(30)
    other.join(30)

    assert (len(tokens), len(set(tokens))) == (2, 1)
    assert waiting.opened == []
    assert waiting.told == ["another eksauth is signing in to 'corp'; waiting for it"]


def test_the_other_one_left(center: Center) -> None:
    """Who waited for a sign-in that came to nothing is asked, so that no row of browsers opens one after the other."""
    begun, go_on = threading.Event(), threading.Event()

    def leave(_: str) -> None:
        begun.set()
        assert go_on.wait(20)
        raise KeyboardInterrupt

    def asking() -> None:
        with pytest.raises(KeyboardInterrupt):
            access_token(center.provider(), center.context(Person(center.served, before=leave)))

    def pause(seconds: float) -> None:
        go_on.set()
        threading.Event().wait(seconds)

    one = threading.Thread(target=asking)
    one.start()
    assert begun.wait(20)
    waiting = Person(center.served)
    with pytest.raises(EksauthError, match="nobody signed in") as caught:
        access_token(center.provider(), center.context(waiting, sleep=pause))
    one.join(30)
    assert waiting.opened == []
    assert caught.value.hint == "run: eksauth login corp"


def test_without_anybody(center: Center) -> None:
    """Without a person nothing is asked and nothing is sent."""
    with pytest.raises(NeedsHuman, match="nobody is signed in to 'corp'") as caught:
        provider_step(center.provider(), center.config()).obtain(None, center.context())
    assert caught.value.hint == "run: eksauth login corp"
    assert caught.value.exit_code == 4
    assert center.asked("RegisterClient") == 0


def test_fresh(center: Center) -> None:
    """A person who wants to sign in anew is asked once, not again for the next identity of the same run."""
    context = center.context(Person(center.served))
    first = access_token(center.provider(), context)
    other = center.context(Person(center.served, "erik@example.com"), fresh=True)
    assert access_token(center.provider(), other).access_token == first.access_token  # this very process got it
    token_path(os.environ, center.portal()).write_text(
        json.dumps(
            {
                "accessToken": "aoa-of-another-process",
                "expiresAt": "2099-01-01T00:00:00Z",
                "startUrl": center.served.start_url,
                "region": "us-west-2",
            }
        )
    )
    assert access_token(center.provider(), replace(other, fresh=False)).access_token == "aoa-of-another-process"
    with pytest.raises(NeedsHuman, match="anew takes a person"):
        access_token(center.provider(), replace(other, human=None))
    quiet = replace(other, human=None, use_cache=False)  # --no-cache
    assert access_token(center.provider(), quiet).access_token == "aoa-of-another-process"
    assert access_token(center.provider(), other).access_token.startswith("aoa")
    assert center.asked("StartDeviceAuthorization") == 2


def test_several_sessions(center: Center) -> None:
    """Two sessions of one portal are two sign-ins, perhaps as two people."""
    first = access_token(center.provider(session_name="work"), center.context(Person(center.served)))
    second = access_token(center.provider(session_name="side"), center.context(Person(center.served, "farah")))
    assert first.access_token != second.access_token
    assert access_token(center.provider(session_name="work"), center.context()).access_token == first.access_token


def test_directory_that_cannot_be_written(center: Center, home: Path) -> None:
    """A sign-in that could not be kept is not begun."""
    (home / ".aws").mkdir()
    (home / ".aws" / "sso").write_text("a file")
    person = Person(center.served)
    with pytest.raises(EksauthError, match="the sign-in cannot be kept") as caught:
        access_token(center.provider(), center.context(person))
    assert caught.value.code == "sso.not_kept"
    assert person.opened == []
