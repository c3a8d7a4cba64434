"""eksauth signs a person in at the portal, in a real browser: with a code, and with none."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from queue import Queue
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from tests.browser.test_portal import heading, sign_in
from tests.sandbox.aws.serving import ServedAws

from eksauth.credentials.config.model import AuthConfig, Place, Provider
from eksauth.credentials.identities.contract import Context
from eksauth.credentials.sso.files import read_token
from eksauth.credentials.sso.portal import portal_of
from eksauth.credentials.sso.provider import access
from eksauth.errors import EksauthError

if TYPE_CHECKING:
    from playwright.sync_api import Page


class Terminal:
    """Somebody whose browser is driven by the test."""

    def __init__(self, *, local: bool) -> None:
        self.addresses: Queue[str] = Queue()
        self.told: list[str] = []
        self._local = local

    def tell(self, text: str) -> None:
        self.told.append(text)

    def ask(self, question: str, *, secret: bool = False) -> str:
        raise AssertionError(question)

    def confirm(self, question: str) -> bool:
        raise AssertionError(question)

    def choose(self, title: str, names: Sequence[str]) -> str:
        raise AssertionError(title)

    def has_browser(self) -> bool:
        return self._local

    def browse(self, url: str) -> bool:
        self.addresses.put(url)
        return True


class SignIn:
    """``eksauth login`` on a thread of its own."""

    def __init__(self, served: ServedAws, *, local: bool) -> None:
        kind = "aws/iam-identity-center"
        self.provider = Provider(
            name="corp",
            kind=kind,  # type: ignore[arg-type]
            declared_kind=kind,
            place=Place("eksauth.yaml", 1, 1),
            region=served.portal.region,
            start_url=served.start_url,
        )
        self.human = Terminal(local=local)
        self.error: EksauthError | None = None
        self._context = Context(config=AuthConfig(), environ=os.environ, region="us-west-2", human=self.human)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def address(self) -> str:
        """Return where the browser is sent."""
        return self.human.addresses.get(timeout=20)

    def finish(self) -> None:
        """Wait for the end."""
        self._thread.join(30)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        try:
            access(self.provider, self._context)
        except EksauthError as error:
            self.error = error


@pytest.fixture(autouse=True)
def endpoint_(served: ServedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the AWS libraries find the portal."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", served.url)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(served.ca_file))


def test_with_a_browser_on_this_machine(page: Page, served: ServedAws, complaints: list[str]) -> None:
    """The person signs in and allows; the last page is ours, runs clean and keeps no code in the address line."""
    running = SignIn(served, local=True)
    page.goto(running.address())
    sign_in(page, served)
    with page.expect_navigation(url="http://127.0.0.1:*/**"):
        page.get_by_role("button", name="Allow").click()
    page.wait_for_url("http://127.0.0.1:*/")

    running.finish()
    assert heading(page) == "Almost done"
    assert urlsplit(page.url).path == "/"
    assert urlsplit(page.url).query == ""
    assert running.error is None
    token = read_token(os.environ, portal_of(running.provider))
    assert token is not None
    assert served.client("sso").list_accounts(accessToken=token.access_token)["accountList"]
    assert complaints == []


def test_with_a_code(page: Page, served: ServedAws, complaints: list[str]) -> None:
    """The person checks the code that the terminal shows, allows, and the terminal goes on by itself."""
    running = SignIn(served, local=False)
    page.goto(running.address())
    sign_in(page, served)
    code = page.locator("#code").inner_text()
    page.get_by_role("button", name="Allow").click()
    page.get_by_role("status").wait_for()

    running.finish()
    assert running.error is None
    assert any(code in line for line in running.human.told)
    assert read_token(os.environ, portal_of(running.provider)) is not None
    assert complaints == []


@pytest.mark.parametrize("local", [True, False], ids=["code grant", "device"])
def test_denied(page: Page, served: ServedAws, local: bool) -> None:
    """The person says no, and the terminal says so."""
    running = SignIn(served, local=local)
    page.goto(running.address())
    sign_in(page, served)
    page.get_by_role("button", name="Deny").click()

    running.finish()
    assert running.error is not None
    assert running.error.code == "sso.denied"
    if local:
        page.wait_for_url("http://127.0.0.1:*/")
        assert heading(page) == "Not signed in"
    assert read_token(os.environ, portal_of(running.provider)) is None
