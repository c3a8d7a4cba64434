"""The control API of Identity Center: what tests order, and what it refuses."""

from __future__ import annotations

import urllib.error
from typing import Any

import pytest
from tests.sandbox.aws.serving import ServedAws
from tests.sandbox.aws.sso_client import Pkce, SsoClient


def test_it_describes_the_portal_without_passwords(served: ServedAws) -> None:
    """Start URL, people, accounts, permission sets and how long things last; the seed has the passwords."""
    told = served.control("GET", "sso")

    assert told["start_url"] == served.start_url
    assert [one["user_name"] for one in told["people"]] == ["dana", "erik@example.com", "farah"]
    assert len(told["accounts"]) == 4
    assert told["settings"]["interval"] == 1
    assert "password" not in str(told)
    assert served.control("GET", "seed")["portal"]["people"]["dana"]["password"]


def test_settings_change_how_long_things_last(own_served: ServedAws) -> None:
    """What is set counts for what is made afterwards; the rest stays."""
    client = SsoClient.register(own_served)
    own_served.control("PUT", "sso/settings", {"device_seconds": 30, "interval": 7, "access_seconds": 900})
    device = client.start()
    assert (device["expiresIn"], device["interval"]) == (30, 7)
    own_served.control("POST", "sso/decide", {"user_code": device["userCode"], "user_name": "dana"})

    assert client.poll(device)["expiresIn"] == 900
    assert own_served.control("GET", "sso")["settings"]["sign_in_seconds"] == 28800


def test_people_can_be_added(own_served: ServedAws) -> None:
    """A new person can sign in, and has no accounts yet; names are found in any case."""
    own_served.control("POST", "sso/people", {"user_name": "Gita", "password": "secret"})
    token = SsoClient.register(own_served).sign_in("gita")["accessToken"]

    assert own_served.client("sso").list_accounts(accessToken=token)["accountList"] == []


@pytest.mark.parametrize(
    "what,exception",
    [
        ("device", "ExpiredTokenException"),
        ("client", "InvalidClientException"),
    ],
)
def test_what_waits_can_be_ended(own_served: ServedAws, what: str, exception: str) -> None:
    """Device codes and registrations end on order."""
    client = SsoClient.register(own_served)
    device = client.start()
    assert own_served.control("POST", "sso/expire", {"what": what}) == {"expired": 1}

    with pytest.raises(getattr(client.oidc.exceptions, exception)):
        client.poll(device)


def test_codes_can_be_ended(own_served: ServedAws) -> None:
    """So do authorization codes."""
    pkce = Pkce(SsoClient.register_for_pkce(own_served))
    code = pkce.decide()["code"]
    own_served.control("POST", "sso/expire", {"what": "code"})

    with pytest.raises(pkce.client.oidc.exceptions.InvalidGrantException):
        pkce.redeem(code)


@pytest.mark.parametrize(
    "method,path,body,status",
    [
        pytest.param("POST", "sso/decide", {"user_code": "AAAA-AAAA", "user_name": "dana"}, 404, id="no such code"),
        pytest.param("POST", "sso/decide", {"user_code": "AAAA-AAAA", "user_name": "nobody"}, 404, id="nobody decides"),
        pytest.param("POST", "sso/decide", {}, 400, id="no decision"),
        pytest.param("POST", "sso/authorize", {"url": "https://x/", "user_name": "dana"}, 400, id="no request"),
        pytest.param("POST", "sso/authorize", {"url": "x", "user_name": "nobody"}, 404, id="nobody authorizes"),
        pytest.param("POST", "sso/people", {"user_name": "a b", "password": "x"}, 400, id="name with a blank"),
        pytest.param("POST", "sso/people", {"user_name": "x", "password": "x"}, 400, id="short name"),
        pytest.param("POST", "sso/people", {"user_name": "xx", "password": ""}, 400, id="no password"),
        pytest.param("POST", "sso/accounts", {"account": "12", "name": "x"}, 400, id="account number"),
        pytest.param("POST", "sso/accounts", {"account": "1" * 12, "name": ""}, 400, id="account without a name"),
        pytest.param("POST", "sso/permission-sets", {"name": "x" * 33}, 400, id="long permission set"),
        pytest.param("POST", "sso/permission-sets", {"name": "x", "session_seconds": 60}, 400, id="short sessions"),
        pytest.param(
            "POST",
            "sso/assignments",
            {"user_name": "dana", "account": "1" * 12, "permission_set": "ClusterReader"},
            404,
            id="no such account",
        ),
        pytest.param(
            "DELETE",
            "sso/assignments",
            {"user_name": "farah", "account": "111122223333", "permission_set": "ClusterReader"},
            404,
            id="no such assignment",
        ),
        pytest.param(
            "POST",
            "sso/many-accounts",
            {"count": 100_000, "user_name": "dana", "permission_set": "ClusterReader"},
            400,
            id="too many",
        ),
        pytest.param(
            "POST",
            "sso/many-accounts",
            {"count": 1, "user_name": "x", "permission_set": "y"},
            404,
            id="many for nobody",
        ),
        pytest.param("PUT", "sso/settings", {"interval": 0}, 400, id="no interval"),
        pytest.param("PUT", "sso/settings", {"invented": 5}, 400, id="unknown setting"),
        pytest.param("POST", "sso/expire", {"what": "everything"}, 400, id="unknown thing"),
        pytest.param("DELETE", "sso/sessions/nobody", None, 404, id="sessions of nobody"),
        pytest.param("GET", "sso/invented", None, 404, id="unknown path"),
    ],
)
def test_it_refuses_what_makes_no_sense(
    served: ServedAws, method: str, path: str, body: dict[str, Any] | None, status: int
) -> None:
    """Bad orders are refused with a sentence and change nothing."""
    before = served.control("GET", "sso")
    with pytest.raises(urllib.error.HTTPError) as caught:
        served.control(method, path, body)
    with caught.value as answer:
        assert answer.status == status
        assert b'"error"' in answer.read()

    assert served.control("GET", "sso") == before
