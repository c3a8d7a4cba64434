"""A person signs in at a SAML identity provider in a real browser, and the terminal gets the response."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.credentials.federation_kit import Room, room_in
from tests.credentials.loopback_http import Reply, serving
from tests.credentials.people import Typist
from tests.sandbox.aws.serving import ServedAws

from eksauth.credentials.identities.authenticate import Session
from eksauth.errors import EksauthError

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture(name="room")
def room_(served: ServedAws, home: Path) -> Iterator[Room]:
    """Return a room whose identities sign in at the page of the endpoint."""
    with room_in(served, home) as room:
        url = f"{served.url}{room.seeded.saml.sign_in_path}?acs={{acs}}"
        room.write(
            ("admin", room.seeded.saml.role_arns[0]),
            ("owner", f"{room.seeded.saml.role_arns[0]}x"),
            provider=f"{{kind: aws/saml, region: us-west-2, url: '{url}'}}",
        )
        yield room


class _Terminal:
    """Signs in on a thread of its own; the browser is the test's."""

    def __init__(self, room: Room, identity: str) -> None:
        self.session: Session | None = None
        self.error: EksauthError | None = None
        self._sent = threading.Event()
        self._human = Typist(browse=lambda _: self._sent.set())
        self._thread = threading.Thread(target=self._run, args=(room, identity), daemon=True)
        self._thread.start()

    def _run(self, room: Room, identity: str) -> None:
        try:
            self.session = room.be(identity, self._human)
        except EksauthError as error:
            self.error = error

    def address(self) -> str:
        assert self._sent.wait(30)
        return self._human.browsed[0]

    def finish(self) -> None:
        self._thread.join(30)
        assert not self._thread.is_alive()


def _fill_in(page: Page, room: Room, password: str | None = None) -> None:
    page.get_by_label("User name").fill(room.seeded.saml.user_name)
    page.get_by_label("Password").fill(password or room.seeded.saml.password)
    page.get_by_role("button", name="Sign in").click()


def test_signing_in(page: Page, room: Room, complaints: list[str]) -> None:
    """After a mistyped password the right one ends on our page, and the terminal is the role."""
    terminal = _Terminal(room, "admin")
    page.goto(terminal.address())
    _fill_in(page, room, "mistyped")
    page.get_by_text("password is wrong").wait_for()
    _fill_in(page, room)
    page.get_by_text("Go back to the terminal").wait_for()
    terminal.finish()

    assert terminal.session is not None, terminal.error
    assert "assumed-role/SamlAdmin/erin@example.com" in room.who(terminal.session)
    assert page.title() == "eksauth: Almost done"
    assert page.url.startswith("http://127.0.0.1:")
    assert complaints == []


def test_another_role_than_those_on_offer(page: Page, room: Room) -> None:
    """The browser part works, and the terminal says which roles there are."""
    terminal = _Terminal(room, "owner")
    page.goto(terminal.address())
    _fill_in(page, room)
    page.get_by_text("Go back to the terminal").wait_for()
    terminal.finish()

    assert terminal.error is not None
    assert terminal.error.code == "saml.role_not_offered"


def test_a_hostile_page_gets_nowhere(page: Page, room: Room) -> None:
    """Scripts of other pages cannot end the wait, not even with a response that would do."""
    terminal = _Terminal(room, "admin")
    address = terminal.address()
    acs = parse_qs(urlsplit(address).query)["acs"][0]
    body = {"user_name": room.seeded.saml.user_name}
    response = room.aws.control("POST", "saml/responses", body)["response"]
    with serving(lambda _: Reply(body=b"<title>hostile</title>", headers={"Content-Type": "text/html"})) as hostile:
        page.goto(hostile.url)
        outcome = page.evaluate(
            """([acs, SAMLResponse]) =>
                fetch(acs, {method: 'POST', mode: 'no-cors', body: new URLSearchParams({SAMLResponse})}).then(r => r.type)""",
            [acs, response],
        )
    assert outcome == "opaque"
    page.goto(address)
    _fill_in(page, room)
    page.get_by_text("Go back to the terminal").wait_for()
    assert page.title() == "eksauth: Almost done"
    terminal.finish()

    assert terminal.session is not None, terminal.error
