"""The portal's pages and the federation endpoint as they travel: cookies, forms, policies, refusals."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import quote, urlencode

import pytest
from tests.sandbox.aws.serving import ServedAws
from tests.sandbox.aws.sso_client import Pkce, SsoClient, answer_of

from eksauth.sandbox.aws.sso.pages.html import Html, fill, page

FORM = "application/x-www-form-urlencoded"


@dataclass
class Visitor:
    """A browser that keeps cookies and reads forms, and nothing else."""

    aws: ServedAws
    cookies: dict[str, str] = field(default_factory=dict)
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, form: dict[str, str] | None = None) -> int:
        """Ask for a page; returns the status."""
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        data = None if form is None else urlencode(form).encode()
        if form is not None:
            sent["Content-Type"] = FORM
        status, self.headers, raw = self.aws.send(method, path, data, sent)
        self.body = raw.decode()
        if cookie := self.headers.get("set-cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return status

    @property
    def csrf(self) -> str:
        """Return the token in the last page's forms."""
        found = re.search(r'name="csrf" value="([^"]*)"', self.body)
        assert found is not None, self.body
        return found[1]

    def sign_in(self, user_name: str = "dana", place: str = "/start") -> int:
        """Sign in; returns the status."""
        self.ask("GET", f"/sign-in?next={quote(place, safe='')}")
        password = self.aws.portal.people[user_name].password
        form = {"csrf": self.csrf, "next": place, "user_name": user_name, "password": password}
        return self.ask("POST", "/sign-in", form)


def test_pages_come_with_strict_headers(served: ServedAws) -> None:
    """No scripts, no frames, nothing from elsewhere, nothing kept; the cookie is out of reach of scripts."""
    visitor = Visitor(served)
    assert visitor.ask("GET", "/sign-in") == 200
    policy = visitor.headers["content-security-policy"]

    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert policy.endswith("form-action 'self'")
    assert visitor.headers["cache-control"] == "no-store"
    assert visitor.headers["x-content-type-options"] == "nosniff"
    cookie = visitor.headers["set-cookie"]
    assert cookie.startswith("__Host-sandbox-portal=")
    for part in ("Path=/", "Secure", "HttpOnly", "SameSite=Lax"):
        assert f"; {part}" in cookie
    assert "<script" not in visitor.body


def test_signing_in_gives_another_cookie(served: ServedAws) -> None:
    """Whoever planted a cookie before the sign-in does not have it afterwards."""
    visitor = Visitor(served)
    visitor.ask("GET", "/sign-in")
    before = dict(visitor.cookies)
    assert visitor.sign_in() == 303
    assert visitor.headers["location"] == "/start"

    assert visitor.cookies != before
    assert Visitor(served, before).ask("GET", "/start") == 303


@pytest.mark.parametrize(
    "place,expected",
    [
        pytest.param("/start", "/start", id="start"),
        pytest.param("/device?user_code=ABCD-EFGH", "/device?user_code=ABCD-EFGH", id="device"),
        pytest.param("https://example.com/", "/start", id="elsewhere"),
        pytest.param("//example.com/start", "/start", id="without scheme"),
        pytest.param("/\\example.com", "/start", id="backslash"),
        pytest.param("/start\r\nSet-Cookie: a=b", "/start", id="header"),
        pytest.param("/start/../logout", "/start", id="another page"),
        pytest.param("/start?" + "x" * 9000, "/start", id="long"),
    ],
)
def test_signing_in_leads_to_our_own_pages_only(served: ServedAws, place: str, expected: str) -> None:
    """The place to go to afterwards is one of ours, whatever the link said."""
    visitor = Visitor(served)
    assert visitor.sign_in(place=place) == 303

    assert visitor.headers["location"] == expected


def test_a_form_from_elsewhere_does_nothing(served: ServedAws) -> None:
    """Without the token of this browser's own form, nothing is signed in, allowed or signed out."""
    password = served.portal.people["dana"].password
    credentials = {"user_name": "dana", "password": password, "next": "/start"}
    assert Visitor(served).ask("POST", "/sign-in", {**credentials, "csrf": "x"}) == 403
    victim, attacker = Visitor(served), Visitor(served)
    victim.sign_in()
    attacker.ask("GET", "/sign-in")
    client = SsoClient.register(served)
    code = client.start()["userCode"]

    for token in ("", "x", attacker.csrf):
        form = {"user_code": code, "decision": "allow", "csrf": token}
        assert victim.ask("POST", "/device", form) == 403
        assert victim.ask("POST", "/sign-out", {"csrf": token}) == 403
    assert victim.ask("GET", "/start") == 200
    victim.ask("GET", f"/device?user_code={code}")
    assert victim.ask("POST", "/device", {"user_code": code, "decision": "allow", "csrf": victim.csrf}) == 200


def test_a_decision_is_one_of_two(served: ServedAws) -> None:
    """A form without a decision asks again instead of guessing."""
    visitor = Visitor(served)
    visitor.sign_in()
    code = SsoClient.register(served).start()["userCode"]
    visitor.ask("GET", f"/device?user_code={code}")

    assert visitor.ask("POST", "/device", {"user_code": code, "csrf": visitor.csrf}) == 303
    assert visitor.headers["location"] == f"/device?user_code={code}"


def test_consent_lets_the_browser_go_to_the_program_only(served: ServedAws) -> None:
    """The policy of the page names the program's port, because browsers check redirects of forms."""
    visitor = Visitor(served)
    visitor.sign_in()
    pkce = Pkce(SsoClient.register_for_pkce(served))
    path = pkce.url().removeprefix(served.url)
    assert visitor.ask("GET", path) == 200
    assert visitor.headers["content-security-policy"].endswith("form-action 'self' http://127.0.0.1:53682")
    action = re.search(r'<form method="post" action="(/authorize[^"]*)"', visitor.body)
    assert action is not None
    assert unescape(action[1]) == path

    assert visitor.ask("POST", path, {"csrf": visitor.csrf, "decision": "deny"}) == 303
    assert visitor.headers["location"].startswith(f"{pkce.redirect_uri}?error=access_denied")


def test_a_program_may_wait_on_the_other_loopback_address(served: ServedAws) -> None:
    """IPv6 works as well; a policy cannot write such an address, so it names the scheme."""
    visitor = Visitor(served)
    visitor.sign_in()
    client = SsoClient.register_for_pkce(served, redirectUris=["http://[::1]/oauth/callback"])
    pkce = Pkce(client, "http://[::1]:53682/oauth/callback")
    path = pkce.url().removeprefix(served.url)
    assert visitor.ask("GET", path) == 200
    assert visitor.headers["content-security-policy"].endswith("form-action 'self' http:")
    assert visitor.ask("POST", path, {"csrf": visitor.csrf, "decision": "allow"}) == 303
    location = visitor.headers["location"]

    assert location.startswith("http://[::1]:53682/oauth/callback?code=")
    assert pkce.redeem(answer_of(location)["code"])["accessToken"]


def test_a_sign_in_ends(own_served: ServedAws) -> None:
    """After eight hours, or when an administrator says so, the browser has to sign in again."""
    visitor = Visitor(own_served)
    visitor.sign_in()
    assert visitor.ask("GET", "/start") == 200
    assert own_served.control("DELETE", "sso/sessions/dana")["signed_out"] == 1
    assert visitor.ask("GET", "/start") == 303
    visitor.sign_in()
    own_served.control("PUT", "clock", {"offset_seconds": 28801})

    assert visitor.ask("GET", "/start") == 303


@pytest.mark.parametrize(
    "method,path,status",
    [
        pytest.param("PUT", "/device", 405, id="method"),
        pytest.param("GET", "/sign-out", 405, id="sign-out by link"),
        pytest.param("GET", "/device?user_code=a&user_code=b", 400, id="twice"),
        pytest.param("GET", "/device?user_code=%zz", 400, id="broken escape"),
        pytest.param("GET", "/authorize", 401, id="no client"),
        pytest.param("GET", "/authorize?client_id=%FF", 400, id="not text"),
    ],
)
def test_errors_are_pages_too(served: ServedAws, method: str, path: str, status: int) -> None:
    """Whatever is wrong, a person reads a page."""
    visitor = Visitor(served)

    assert visitor.ask(method, path) == status
    assert visitor.headers["content-type"] == "text/html; charset=utf-8"
    assert 'role="alert"' in visitor.body


def test_an_outage_is_a_page_too(served: ServedAws) -> None:
    """Ordered faults are shown as pages."""
    visitor = Visitor(served)
    served.control("POST", "faults", {"kind": "error", "status": 503, "action": "StartPage"})
    assert visitor.ask("GET", "/start") == 503
    assert "Something went wrong" in visitor.body
    served.control("POST", "faults", {"kind": "throttle", "action": "StartPage"})

    assert visitor.ask("GET", "/start") == 429
    assert "Too many requests" in visitor.body


@pytest.mark.parametrize("hostile", ["<b>", '"><script>', "' onload=x", "{title}", "&lt;", "\u202egnp.exe", "a\0b"])
def test_values_are_escaped(hostile: str) -> None:
    """What goes into a page comes out as the same text; only characters that deceive are replaced."""
    text = page("t", fill("<p title='{value}'>{value}</p>", value=hostile)).decode()
    inner = re.search(r"<p title='([^']*)'>([^<]*)</p>", text)

    assert inner is not None
    expected = "".join(letter if letter.isprintable() else "\ufffd" for letter in hostile)
    assert [unescape(piece) for piece in inner.groups()] == [expected, expected]


def test_html_is_not_escaped_twice() -> None:
    """What is HTML already stays as it is."""
    assert fill("<p>{inner}</p>", inner=Html("<b>&amp;</b>")) == "<p><b>&amp;</b></p>"


def role_session(served: ServedAws, **wanted: str) -> dict[str, str]:
    """Return credentials of the administrator's role as the federation endpoint takes them."""
    alice = served.seed.users["alice"]
    keys = {"aws_access_key_id": alice.access_key_id, "aws_secret_access_key": alice.secret_access_key}
    return _assume(served, keys, "EksAdmin")


def chained_session(served: ServedAws) -> dict[str, str]:
    """Return credentials of a role that another role assumed."""
    first = role_session(served)
    keys = {
        "aws_access_key_id": first["sessionId"],
        "aws_secret_access_key": first["sessionKey"],
        "aws_session_token": first["sessionToken"],
    }
    return _assume(served, keys, "PartnerRole")


def user_session(served: ServedAws) -> dict[str, str]:
    """Return a session of a user, who is no role."""
    alice = served.seed.users["alice"]
    sts = served.client("sts", aws_access_key_id=alice.access_key_id, aws_secret_access_key=alice.secret_access_key)
    return _as_session(sts.get_session_token()["Credentials"])


def _assume(served: ServedAws, keys: dict[str, str], role: str) -> dict[str, str]:
    arn = served.seed.roles[role].arn
    return _as_session(served.client("sts", **keys).assume_role(RoleArn=arn, RoleSessionName="tester")["Credentials"])


def _as_session(found: dict[str, str]) -> dict[str, str]:
    return {
        "sessionId": found["AccessKeyId"],
        "sessionKey": found["SecretAccessKey"],
        "sessionToken": found["SessionToken"],
    }


def signin_token(served: ServedAws, session: dict[str, str] | str, **wanted: str) -> tuple[int, bytes]:
    """Ask for a sign-in token; returns status and body."""
    text = session if isinstance(session, str) else json.dumps(session)
    query = urlencode({"Action": "getSigninToken", "Session": text, **wanted})
    status, _, body = served.send("GET", f"/federation?{query}")
    return status, body


def login(served: ServedAws, token: str, destination: str) -> tuple[int, str]:
    """Follow a login link; returns status and page."""
    query = urlencode({"Action": "login", "Issuer": "test", "Destination": destination, "SigninToken": token})
    status, _, body = served.send("GET", f"/federation?{query}")
    return status, body.decode()


CONSOLE = "https://console.aws.amazon.com/"


def test_credentials_become_a_console(served: ServedAws) -> None:
    """A role's session of any length signs in for as long as was asked, once."""
    status, body = signin_token(served, role_session(served), SessionDuration="43200")
    assert status == 200
    token = json.loads(body)["SigninToken"]
    assert login(served, token, CONSOLE)[0] == 200
    assert login(served, token, CONSOLE)[0] == 400


def test_a_signin_token_lasts_fifteen_minutes(own_served: ServedAws) -> None:
    """Afterwards the link is no good."""
    _, body = signin_token(own_served, role_session(own_served))
    own_served.control("PUT", "clock", {"offset_seconds": 900})

    assert login(own_served, json.loads(body)["SigninToken"], CONSOLE)[0] == 400


@pytest.mark.parametrize("seconds", ["899", "43201", "-1", "x", "", "9" * 5000, "\u0661" * 4])
def test_a_console_session_has_limits(served: ServedAws, seconds: str) -> None:
    """SessionDuration lies between 900 and 43200."""
    status, body = signin_token(served, role_session(served), SessionDuration=seconds)

    assert status == 400
    assert b"between 900 and 43200" in body


def test_a_chained_role_signs_in_for_an_hour_at_most(served: ServedAws) -> None:
    """An hour is fine, more is refused."""
    session = chained_session(served)

    assert signin_token(served, session, SessionDuration="3600")[0] == 200
    assert signin_token(served, session, SessionDuration="3601")[0] == 400


def test_only_valid_role_sessions_sign_in(own_served: ServedAws) -> None:
    """Changed keys, sessions of users, expired ones and things that are no sessions are refused."""
    session = role_session(own_served)
    for name in session:
        assert signin_token(own_served, {**session, name: session[name] + "x"})[0] == 400
    for wrong in ("", "{", "[]", "{}", json.dumps({**session, "sessionKey": 5}), "[" * 5_000):
        assert signin_token(own_served, wrong)[0] == 400
    assert signin_token(own_served, user_session(own_served))[0] == 400
    own_served.control("PUT", f"keys/{session['sessionId']}", {"expires_at": 0})
    status, body = signin_token(own_served, session)
    assert (status, b"expired" in body) == (400, True)


@pytest.mark.parametrize(
    "destination,right",
    [
        (CONSOLE, True),
        ("https://eu-west-1.console.aws.amazon.com/eks/home?region=eu-west-1", True),
        ("https://console.amazonaws-us-gov.com/", True),
        ("https://console.amazonaws.cn/", True),
        ("http://console.aws.amazon.com/", False),
        ("https://console.aws.amazon.com.example.com/", False),
        ("https://console.aws.amazon.com@example.com/", False),
        ("https://exampleaws.amazon.com/", False),
        ("javascript:alert(1)", False),
        ("https://[bad/", False),
        ("", False),
    ],
)
def test_the_destination_is_a_console(served: ServedAws, destination: str, right: bool) -> None:
    """A link leads to a console of any partition and nowhere else; a wrong one does not use up the token."""
    _, body = signin_token(served, role_session(served))
    token = json.loads(body)["SigninToken"]
    status, _ = login(served, token, destination)

    assert (status == 200) is right
    if not right:
        assert login(served, token, CONSOLE)[0] == 200


def test_the_federation_endpoint_takes_forms(served: ServedAws) -> None:
    """Session credentials need not be in a URL."""
    form = urlencode({"Action": "getSigninToken", "Session": json.dumps(role_session(served))}).encode()
    status, _, body = served.send("POST", "/federation", form, {"Content-Type": FORM})

    assert status == 200
    assert json.loads(body)["SigninToken"]
