"""A person at the sandbox's portal: signing in, allowing and denying, in a real browser."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from botocore.exceptions import ClientError
from tests.browser.loopback import callback
from tests.sandbox.aws.serving import ServedAws
from tests.sandbox.aws.sso_client import Pkce, SsoClient, answer_of

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>\"'&amp;{client}"


def sign_in(page: Page, aws: ServedAws, user_name: str = "dana", password: str | None = None) -> None:
    """Fill in the sign-in form with the keyboard and send it."""
    page.get_by_label("User name").fill(user_name)
    secret = aws.portal.people[user_name].password if password is None else password
    page.get_by_label("Password").fill(secret)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def heading(page: Page) -> str:
    """Return the page's only first-level heading."""
    return page.get_by_role("heading", level=1).inner_text()


def refused(client: SsoClient, device: dict[str, str]) -> str:
    """Return the code with which a poll is refused."""
    with pytest.raises(ClientError) as caught:
        client.poll(device)
    return str(caught.value.response["Error"]["Code"])


def test_a_device_is_allowed(page: Page, served: ServedAws, complaints: list[str]) -> None:
    """Sign-in, the code and the program's name on the page, Allow: then the program has the person's token."""
    client = SsoClient.register(served, clientName="a program at work")
    device = client.start()

    page.goto(device["verificationUriComplete"])
    assert heading(page) == "Sign in"
    sign_in(page, served)
    assert page.locator("#code").inner_text() == device["userCode"]
    assert page.locator("#client").inner_text() == "a program at work"
    page.get_by_role("button", name="Allow").click()
    page.get_by_role("status").wait_for()

    assert heading(page) == "Request allowed"
    token = client.poll(device)["accessToken"]
    accounts = served.client("sso").list_accounts(accessToken=token)["accountList"]
    assert [one["accountName"] for one in accounts] == [
        "sandbox-main",
        "sandbox-partner",
        "sandbox-data",
        "sandbox-data",
    ]
    assert complaints == []


def test_a_device_is_denied(page: Page, served: ServedAws) -> None:
    """Deny: the program is told access_denied, and the code asks nobody a second time."""
    client = SsoClient.register(served)
    device = client.start()
    page.goto(device["verificationUriComplete"])
    sign_in(page, served)
    page.get_by_role("button", name="Deny").click()
    page.get_by_role("status").wait_for()

    assert heading(page) == "Request denied"
    assert refused(client, device) == "AccessDeniedException"
    page.goto(device["verificationUriComplete"])
    assert "has been used" in page.get_by_role("alert").inner_text()


def test_a_wrong_password_is_refused_and_can_be_mended(page: Page, served: ServedAws) -> None:
    """The page says so, keeps the name, leaves the cursor in the password; the right one then goes on."""
    device = SsoClient.register(served).start()
    page.goto(device["verificationUriComplete"])
    sign_in(page, served, password="not it")

    assert page.get_by_role("alert").inner_text() == "The user name or the password is wrong."
    assert page.get_by_label("User name").input_value() == "dana"
    assert page.evaluate("document.activeElement.id") == "password"
    page.keyboard.type(served.portal.people["dana"].password)
    page.keyboard.press("Enter")
    page.locator("#code").wait_for()
    assert page.locator("#code").inner_text() == device["userCode"]


def test_a_code_is_typed_as_people_type(page: Page, served: ServedAws) -> None:
    """Lower case, blanks and a missing dash still find the request."""
    device = SsoClient.register(served).start()
    page.goto(f"{served.url}/device")
    sign_in(page, served)
    page.get_by_label("Code that the program shows").fill(device["userCode"].lower().replace("-", " "))
    page.get_by_role("button", name="Continue").click()
    page.locator("#code").wait_for()

    assert page.locator("#code").inner_text() == device["userCode"]


def test_an_expired_code_is_refused(page: Page, own_served: ServedAws) -> None:
    """Ten minutes later the page asks for another code, and a form that was open already decides nothing."""
    client = SsoClient.register(own_served)
    device = client.start()
    page.goto(device["verificationUriComplete"])
    sign_in(page, own_served)
    page.locator("#code").wait_for()
    own_served.control("PUT", "clock", {"offset_seconds": 601})
    page.get_by_role("button", name="Allow").click()
    page.get_by_role("alert").wait_for()

    assert heading(page) == "Enter the code"
    assert refused(client, device) == "ExpiredTokenException"


def test_a_hostile_client_name_is_text(page: Page, served: ServedAws, complaints: list[str]) -> None:
    """Markup and scripts in the name that a client gave itself are shown, not run."""
    device = SsoClient.register(served, clientName=HOSTILE).start()
    page.goto(device["verificationUriComplete"])
    sign_in(page, served)

    assert page.locator("#client").inner_text() == HOSTILE
    assert page.locator("main img, main script").count() == 0
    assert complaints == []


def test_a_program_on_a_loopback_port_is_allowed(page: Page, served: ServedAws, complaints: list[str]) -> None:
    """Sign-in, Allow: the browser carries code and state to the program's port, and the code is good for tokens."""
    with callback() as listener:
        pkce = Pkce(SsoClient.register_for_pkce(served), listener.redirect_uri, state="s+t/a=t&e ü")
        page.goto(pkce.url())
        sign_in(page, served)
        assert heading(page) == "Allow access?"
        page.get_by_role("button", name="Allow").click()
        page.get_by_text("Back in the program.").wait_for()
        answer = answer_of(listener.paths.get(timeout=10))

    assert answer["state"] == "s+t/a=t&e ü"
    token = pkce.redeem(answer["code"])
    roles = served.client("sso").list_account_roles(accessToken=token["accessToken"], accountId=served.seed.account)
    assert [one["roleName"] for one in roles["roleList"]] == ["AdministratorAccess", "ClusterReader"]
    assert token["refreshToken"]
    assert complaints == []


def test_a_program_on_a_loopback_port_is_denied(page: Page, served: ServedAws) -> None:
    """Deny: the browser tells the program so, with its state, and without a code."""
    with callback() as listener:
        pkce = Pkce(SsoClient.register_for_pkce(served), listener.redirect_uri)
        page.goto(pkce.url())
        sign_in(page, served)
        page.get_by_role("button", name="Deny").click()
        page.get_by_text("Back in the program.").wait_for()
        answer = answer_of(listener.paths.get(timeout=10))

    assert (answer["error"], answer["state"]) == ("access_denied", pkce.state)
    assert "code" not in answer


def test_a_link_to_elsewhere_is_an_error_page(page: Page, served: ServedAws) -> None:
    """A redirect URI that the client did not register is never followed."""
    pkce = Pkce(SsoClient.register_for_pkce(served))
    page.goto(pkce.url(redirect_uri="http://127.0.0.1:5000/other"))

    assert "did not register" in page.get_by_role("alert").inner_text()
    assert page.url.startswith(served.url)


def test_the_start_page_lists_accounts_and_leads_out(page: Page, context: BrowserContext, served: ServedAws) -> None:
    """Accounts with their roles; signing out asks for the password again; no script can read the cookie."""
    page.goto(served.start_url)
    sign_in(page, served, "erik@example.com")

    assert heading(page) == "Accounts of Erik Lindqvist"
    names = page.get_by_role("heading", level=2).all_inner_texts()
    assert names == ["sandbox-main", "sandbox-data"]
    assert page.get_by_role("list", name=re.compile("Roles in sandbox-data")).inner_text() == "Data.Engineer"
    cookies = context.cookies()
    assert [(one["httpOnly"], one["secure"], one["sameSite"]) for one in cookies] == [(True, True, "Lax")]
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("link", name="Sign in again").click()
    page.get_by_label("User name").wait_for()
    assert heading(page) == "Sign in"


def test_signing_out_with_the_program_ends_the_browsers_sign_in(page: Page, served: ServedAws) -> None:
    """sso:Logout also ends the sign-in in which the program was allowed."""
    client = SsoClient.register(served)
    device = client.start()
    page.goto(device["verificationUriComplete"])
    sign_in(page, served)
    page.get_by_role("button", name="Allow").click()
    page.get_by_role("status").wait_for()
    served.client("sso").logout(accessToken=client.poll(device)["accessToken"])
    page.goto(served.start_url)

    assert heading(page) == "Sign in"


def test_somebody_without_accounts_is_told(page: Page, served: ServedAws) -> None:
    """Nothing assigned is a sentence, not an empty page."""
    page.goto(served.start_url)
    sign_in(page, served, "farah")
    page.get_by_role("status").wait_for()

    assert page.get_by_role("status").inner_text() == "Nobody has assigned you an account yet."


def test_the_console_says_who_is_signed_in(page: Page, served: ServedAws, complaints: list[str]) -> None:
    """Role credentials become a sign-in token, and its link opens a page with the role's name, once."""
    token = SsoClient.register(served).sign_in()["accessToken"]
    found = served.client("sso").get_role_credentials(
        accessToken=token, accountId=served.seed.account, roleName="ClusterReader"
    )["roleCredentials"]
    session = {
        "sessionId": found["accessKeyId"],
        "sessionKey": found["secretAccessKey"],
        "sessionToken": found["sessionToken"],
    }
    asked = urlencode({"Action": "getSigninToken", "SessionDuration": "7200", "Session": json.dumps(session)})
    _, _, body = served.send("GET", f"/federation?{asked}")
    link = urlencode(
        {
            "Action": "login",
            "Issuer": "eksauth",
            "Destination": "https://us-west-2.console.aws.amazon.com/eks/home?<b>",
            "SigninToken": json.loads(body)["SigninToken"],
        }
    )
    page.goto(f"{served.url}/federation?{link}")

    assert page.locator("#arn").inner_text().endswith("/dana")
    assert page.locator("#minutes").inner_text() == "120 minutes"
    assert page.locator("#destination").inner_text().endswith("?<b>")
    page.goto(f"{served.url}/federation?{link}")
    assert "has been used" in page.get_by_role("alert").inner_text()
    assert complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_can_be_used_without_a_mouse(page: Page, served: ServedAws, scheme: str) -> None:
    """Tab reaches the fields and buttons in reading order, after a link that skips the header."""
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    device = SsoClient.register(served).start()
    page.goto(device["verificationUriComplete"])
    sign_in(page, served)
    page.locator("#code").wait_for()
    reached = []
    for _ in range(4):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.innerText"))

    assert reached == ["Skip to content", "Sign out", "Allow", "Deny"]
    page.keyboard.press("Enter")
    page.get_by_role("status").wait_for()
    assert heading(page) == "Request denied"
