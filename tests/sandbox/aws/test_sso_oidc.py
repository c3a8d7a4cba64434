"""The OIDC API of the sandbox's Identity Center, judged by botocore's model of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.sandbox.aws.serving import ServedAws
from tests.sandbox.aws.sso_client import CALLBACK, DEVICE, SCOPE, Pkce, SsoClient


def refused(client: SsoClient, name: str, call: Any, *arguments: Any, **keys: Any) -> dict[str, Any]:
    """Return the answer of a call that is refused with exception ``name`` of the service model."""
    with pytest.raises(getattr(client.oidc.exceptions, name)) as caught:
        call(*arguments, **keys)
    answer: dict[str, Any] = caught.value.response
    return answer


def test_the_device_grant_walks_through(served: ServedAws) -> None:
    """Register, start, pending, allowed, token; the code is good for one token."""
    client = SsoClient.register(served)
    device = client.start()
    page = f"{served.url}/device"
    assert (device["verificationUri"], device["verificationUriComplete"]) == (
        page,
        f"{page}?user_code={device['userCode']}",
    )
    assert (device["expiresIn"], device["interval"]) == (600, 1)
    pending = refused(client, "AuthorizationPendingException", client.poll, device)
    assert (pending["error"], pending["ResponseMetadata"]["HTTPStatusCode"]) == ("authorization_pending", 400)
    served.control("POST", "sso/decide", {"user_code": device["userCode"], "user_name": "dana"})
    token = client.poll(device)

    assert (token["tokenType"], token["expiresIn"]) == ("Bearer", 3600)
    assert token["refreshToken"] != token["accessToken"]
    assert refused(client, "InvalidGrantException", client.poll, device)["error"] == "invalid_grant"


def test_a_denied_device_is_told(served: ServedAws) -> None:
    """Denied is access_denied, however often one asks."""
    client = SsoClient.register(served)
    device = client.start()
    served.control("POST", "sso/decide", {"user_code": device["userCode"], "user_name": "dana", "allow": False})

    for _ in range(2):
        assert refused(client, "AccessDeniedException", client.poll, device)["error"] == "access_denied"


def test_polling_too_fast_makes_the_interval_longer(own_served: ServedAws) -> None:
    """Each slow_down adds five seconds to what the client has to wait, and they add up."""
    client = SsoClient.register(own_served)
    device = client.start()

    def poll_at(second: float, expected: str) -> None:
        own_served.control("PUT", "clock", {"offset_seconds": second})
        refused(client, expected, client.poll, device)

    poll_at(0, "AuthorizationPendingException")
    poll_at(0, "SlowDownException")  # six seconds from now on
    poll_at(5, "SlowDownException")  # eleven
    poll_at(15, "SlowDownException")  # sixteen
    poll_at(32, "AuthorizationPendingException")
    poll_at(49, "AuthorizationPendingException")
    own_served.control("POST", "sso/decide", {"user_code": device["userCode"], "user_name": "dana"})
    assert client.poll(device)["accessToken"]


def test_a_client_that_waits_is_never_told_to_slow_down(own_served: ServedAws) -> None:
    """Waiting exactly the interval is enough."""
    client = SsoClient.register(own_served)
    device = client.start()

    for second in range(4):
        own_served.control("PUT", "clock", {"offset_seconds": float(second)})
        refused(client, "AuthorizationPendingException", client.poll, device)


def test_a_device_code_expires(own_served: ServedAws) -> None:
    """After ten minutes the answer is expired_token, even if a person allowed it before."""
    client = SsoClient.register(own_served)
    device = client.start()
    own_served.control("POST", "sso/decide", {"user_code": device["userCode"], "user_name": "dana"})
    own_served.control("PUT", "clock", {"offset_seconds": 600})

    assert refused(client, "ExpiredTokenException", client.poll, device)["error"] == "expired_token"


def test_the_code_of_another_client_is_no_grant(served: ServedAws) -> None:
    """A device code belongs to the client that started it."""
    client, thief = SsoClient.register(served), SsoClient.register(served)
    device = client.start()

    refused(thief, "InvalidGrantException", thief.poll, device)


def test_refresh_tokens_rotate(served: ServedAws) -> None:
    """A refresh gives both tokens anew; the old access token lives on until its hour is over."""
    client = SsoClient.register(served)
    first = client.sign_in()
    second = client.refresh(first)
    third = client.refresh(second)

    assert len({token[name] for token in (first, second, third) for name in ("accessToken", "refreshToken")}) == 6
    for token in (first, second, third):
        assert served.client("sso").list_accounts(accessToken=token["accessToken"])["accountList"]


def test_a_spent_refresh_token_ends_the_family(served: ServedAws) -> None:
    """Using a refresh token twice means that two hold it: neither can refresh any more."""
    client = SsoClient.register(served)
    first = client.sign_in()
    second = client.refresh(first)

    refused(client, "InvalidGrantException", client.refresh, first)
    refused(client, "InvalidGrantException", client.refresh, second)


def test_a_refresh_token_of_another_client_is_no_grant(served: ServedAws) -> None:
    """A refresh token belongs to its client, and the attempt does not spend it."""
    client, thief = SsoClient.register(served), SsoClient.register(served)
    token = client.sign_in()

    refused(thief, "InvalidGrantException", thief.refresh, token)
    assert client.refresh(token)["accessToken"]


def test_no_refresh_goes_beyond_the_sign_in(own_served: ServedAws) -> None:
    """Access tokens shrink towards the end of the eight hours, and then nothing helps but signing in."""
    client = SsoClient.register(own_served)
    token = client.sign_in()
    own_served.control("PUT", "clock", {"offset_seconds": 28800 - 600})
    token = client.refresh(token)
    assert 590 <= token["expiresIn"] <= 600
    own_served.control("PUT", "clock", {"offset_seconds": 28801})

    refused(client, "InvalidGrantException", client.refresh, token)


def test_a_client_without_scopes_gets_a_long_token_and_no_refresh(served: ServedAws) -> None:
    """What AWS calls legacy: eight hours, no refresh token."""
    token = SsoClient.register(served, scopes=[]).sign_in()

    assert token["expiresIn"] == 28800
    assert token.get("refreshToken") is None
    assert served.client("sso").list_accounts(accessToken=token["accessToken"])["accountList"]


def test_the_authorization_code_grant_walks_through(served: ServedAws) -> None:
    """Another port than the registered one is fine; code, verifier and redirect URI give tokens, once."""
    pkce = Pkce(SsoClient.register_for_pkce(served), state="a b&c")
    answer = pkce.decide()
    token = pkce.redeem(answer["code"])

    assert answer["state"] == "a b&c"
    assert served.client("sso").list_accounts(accessToken=token["accessToken"])["accountList"]
    refused(pkce.client, "InvalidGrantException", pkce.redeem, answer["code"])
    # the tokens of a code that was used twice are gone
    with pytest.raises(ClientError, match="UnauthorizedException"):
        served.client("sso").list_accounts(accessToken=token["accessToken"])
    refused(pkce.client, "InvalidGrantException", pkce.client.refresh, token)


@pytest.mark.parametrize(
    "changes,exception",
    [
        pytest.param({"codeVerifier": "v" * 43}, "InvalidGrantException", id="another verifier"),
        pytest.param({"codeVerifier": "short"}, "InvalidRequestException", id="malformed verifier"),
        pytest.param({"redirectUri": "http://127.0.0.1:1/oauth/callback"}, "InvalidGrantException", id="another port"),
        pytest.param({"code": "invented"}, "InvalidGrantException", id="invented code"),
    ],
)
def test_a_code_without_its_proof_is_refused(served: ServedAws, changes: dict[str, str], exception: str) -> None:
    """Verifier and redirect URI have to be those of the request."""
    pkce = Pkce(SsoClient.register_for_pkce(served))

    refused(pkce.client, exception, pkce.redeem, **{"code": pkce.decide()["code"], **changes})


def test_a_code_is_lost_after_a_wrong_verifier(served: ServedAws) -> None:
    """Whoever guesses has one attempt."""
    pkce = Pkce(SsoClient.register_for_pkce(served))
    code = pkce.decide()["code"]

    refused(pkce.client, "InvalidGrantException", pkce.redeem, code, codeVerifier="v" * 43)
    refused(pkce.client, "InvalidGrantException", pkce.redeem, code)


def test_an_authorization_code_expires(own_served: ServedAws) -> None:
    """A code is good for two minutes."""
    pkce = Pkce(SsoClient.register_for_pkce(own_served))
    code = pkce.decide()["code"]
    own_served.control("PUT", "clock", {"offset_seconds": 121})

    refused(pkce.client, "InvalidGrantException", pkce.redeem, code)


@pytest.mark.parametrize(
    "changes,error",
    [
        pytest.param({"response_type": "token"}, "unsupported_response_type", id="response type"),
        pytest.param({"code_challenge": None}, "invalid_request", id="no challenge"),
        pytest.param({"code_challenge_method": "plain"}, "invalid_request", id="plain challenge"),
        pytest.param({"code_challenge_method": None}, "invalid_request", id="no method"),
        pytest.param({"code_challenge": "x" * 42}, "invalid_request", id="short challenge"),
        pytest.param({"scopes": "codewhisperer:analysis"}, "invalid_scope", id="scope that was not registered"),
    ],
)
def test_a_wrong_authorization_request_is_told_to_the_client(
    served: ServedAws, changes: dict[str, str | None], error: str
) -> None:
    """Once the redirect URI is known to be the client's, refusals go there, with the state."""
    pkce = Pkce(SsoClient.register_for_pkce(served))
    answer = pkce.decide("dana", changes)

    assert (answer["error"], answer["state"]) == (error, pkce.state)
    assert "code" not in answer


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:1/oauth/callback/",
        "http://127.0.0.1:1/oauth/callback?x=1",
        "http://127.0.0.1:1/oauth/callback#f",
        "https://127.0.0.1:1/oauth/callback",
        "http://localhost:1/oauth/callback",
        "http://127.0.0.1.example.com:1/oauth/callback",
        "http://127.0.0.1:1@example.com/oauth/callback",
        "http://user@127.0.0.1:1/oauth/callback",
        "http://127.0.0.1:99999/oauth/callback",
        "http://127.0.0.1:1\\@example.com/oauth/callback",
        "http:///oauth/callback",
        "javascript:alert(1)",
        "",
    ],
)
def test_a_foreign_redirect_uri_is_never_followed(served: ServedAws, uri: str) -> None:
    """Host, path and query have to be the registered ones, only the port is free; the answer is a page."""
    pkce = Pkce(SsoClient.register_for_pkce(served))
    status, headers, body = served.send("GET", pkce.url(redirect_uri=uri).removeprefix(served.url))

    assert status == 400
    assert "location" not in headers
    assert b"did not register" in body


@pytest.mark.parametrize(
    "wanted,exception,error",
    [
        pytest.param(
            {"clientType": "confidential"}, "InvalidClientMetadataException", "invalid_client_metadata", id="type"
        ),
        pytest.param({"clientName": "a\nb"}, "InvalidClientMetadataException", "invalid_client_metadata", id="name"),
        pytest.param(
            {"clientName": "x" * 257}, "InvalidClientMetadataException", "invalid_client_metadata", id="long name"
        ),
        pytest.param({"scopes": ["sso:everything"]}, "InvalidScopeException", "invalid_scope", id="scope"),
        pytest.param(
            {"grantTypes": ["password"]}, "UnsupportedGrantTypeException", "unsupported_grant_type", id="grant"
        ),
        pytest.param(
            {"redirectUris": ["https://example.com/"]},
            "InvalidRedirectUriException",
            "invalid_redirect_uri",
            id="redirect",
        ),
        pytest.param(
            {"grantTypes": ["authorization_code"], "issuerUrl": "{start_url}"},
            "InvalidRedirectUriException",
            "invalid_redirect_uri",
            id="code grant without redirect",
        ),
        pytest.param(
            {"grantTypes": ["authorization_code"], "redirectUris": [CALLBACK]},
            "InvalidRequestException",
            "invalid_request",
            id="code grant without issuer",
        ),
        pytest.param(
            {"issuerUrl": "https://example.com/start"}, "InvalidRequestException", "invalid_request", id="issuer"
        ),
    ],
)
def test_a_registration_is_checked(served: ServedAws, wanted: dict[str, Any], exception: str, error: str) -> None:
    """Each wrong field has the exception that the service documents."""
    client = SsoClient.register(served)
    asked = {"clientName": "a test", "clientType": "public", **wanted}
    asked = {
        name: value.format(start_url=served.start_url) if name == "issuerUrl" else value
        for name, value in asked.items()
    }

    assert refused(client, exception, client.oidc.register_client, **asked)["error"] == error


def test_a_registration_lasts_ninety_days(own_served: ServedAws) -> None:
    """Afterwards the client is invalid_client, with status 401, everywhere."""
    client = SsoClient.register(own_served)
    registration = client.registration
    assert registration["clientSecretExpiresAt"] - registration["clientIdIssuedAt"] == 90 * 86400
    token = client.sign_in()
    own_served.control("PUT", "clock", {"offset_seconds": 90 * 86400})

    assert refused(client, "InvalidClientException", client.start)["ResponseMetadata"]["HTTPStatusCode"] == 401
    assert refused(client, "InvalidClientException", client.refresh, token)["error"] == "invalid_client"


@pytest.mark.parametrize("issuer", ["start_url", "instance"])
def test_the_instance_has_two_names(served: ServedAws, issuer: str) -> None:
    """RegisterClient takes the start URL and the issuer URL."""
    name = served.start_url if issuer == "start_url" else served.portal.issuer_url

    assert SsoClient.register_for_pkce(served, issuerUrl=name).registration["clientId"]


@pytest.mark.parametrize(
    "suffix,right",
    [("", True), ("/", True), ("#/", True), ("#", True), ("x", False), ("?a=b", False), ("/../start", False)],
)
def test_the_start_url_has_to_be_ours(served: ServedAws, suffix: str, right: bool) -> None:
    """What browsers leave at the end of a start URL does no harm, anything else is another portal."""
    client = SsoClient.register(served)
    asked = {"startUrl": served.start_url + suffix, **client.proof}

    if right:
        assert client.oidc.start_device_authorization(**asked)["userCode"]
    else:
        refused(client, "InvalidRequestException", client.oidc.start_device_authorization, **asked)


@pytest.mark.parametrize(
    "url", ["https://example.awsapps.com/start", "http://127.0.0.1/start", "https://[bad/start", "start"]
)
def test_another_start_url_is_an_invalid_request(served: ServedAws, url: str) -> None:
    """A portal that is not this one is refused, however it is written."""
    client = SsoClient.register(served)

    refused(client, "InvalidRequestException", client.oidc.start_device_authorization, startUrl=url, **client.proof)


def test_a_wrong_secret_is_no_client(served: ServedAws) -> None:
    """Id and secret belong together, at every operation that takes them."""
    client, other = SsoClient.register(served), SsoClient.register(served)
    mixed = {"clientId": client.proof["clientId"], "clientSecret": other.proof["clientSecret"]}

    refused(
        client, "InvalidClientException", client.oidc.start_device_authorization, startUrl=served.start_url, **mixed
    )
    refused(client, "InvalidClientException", client.oidc.create_token, grantType=DEVICE, deviceCode="x", **mixed)


@pytest.mark.parametrize(
    "grant_type,fields,exception",
    [
        pytest.param("password", {}, "UnsupportedGrantTypeException", id="unknown"),
        pytest.param("authorization_code", {"code": "c"}, "UnauthorizedClientException", id="not registered"),
        pytest.param(DEVICE, {}, "InvalidRequestException", id="no device code"),
        pytest.param("refresh_token", {}, "InvalidRequestException", id="no refresh token"),
        pytest.param(
            "refresh_token", {"refreshToken": "invented"}, "InvalidGrantException", id="invented refresh token"
        ),
    ],
)
def test_a_token_request_is_checked(served: ServedAws, grant_type: str, fields: dict[str, str], exception: str) -> None:
    """Each way to ask wrongly has the exception that the service documents."""
    client = SsoClient.register(served)

    refused(client, exception, client.oidc.create_token, grantType=grant_type, **fields, **client.proof)


def test_a_client_of_the_code_grant_may_not_use_a_device(served: ServedAws) -> None:
    """A client is held to the grants that it registered."""
    client = SsoClient.register_for_pkce(served)

    refused(client, "UnauthorizedClientException", client.start)


@pytest.mark.parametrize(
    "body,content_type",
    [
        pytest.param(b"", "application/json", id="empty"),
        pytest.param(b"{", "application/json", id="cut"),
        pytest.param(b"[]", "application/json", id="list"),
        pytest.param(b'{"clientId": 5}', "application/json", id="number"),
        pytest.param(b"\xff\xfe", "application/json", id="bytes"),
        pytest.param(b"[" * 100_000, "application/json", id="deep"),
        pytest.param(b"{}", "text/plain", id="not json"),
        pytest.param(b"grantType=refresh_token", "application/x-www-form-urlencoded", id="form"),
    ],
)
@pytest.mark.parametrize("path", ["/client/register", "/device_authorization", "/token"])
def test_a_body_that_is_not_json_is_an_invalid_request(
    served: ServedAws, path: str, body: bytes, content_type: str
) -> None:
    """Whatever arrives, the answer has the service's error shape and repeats nothing of it."""
    status, headers, answer = served.send("POST", path, body, {"Content-Type": content_type})
    document = json.loads(answer)

    assert status == 400
    assert headers["x-amzn-errortype"] in {"InvalidRequestException", "InvalidClientMetadataException"}
    assert document["error"] in {"invalid_request", "invalid_client_metadata"}
    assert headers["cache-control"] == "no-store"


def test_what_is_not_there_says_so(served: ServedAws) -> None:
    """The IAM variant of CreateToken is not implemented, and a GET is no way to ask for a token."""
    assert served.send("POST", "/token?aws_iam=t", b"{}")[0] == 501
    assert served.send("GET", "/token")[0] == 405


def test_scopes_are_kept(served: ServedAws) -> None:
    """A token without the scope for accounts opens no accounts; a refresh cannot widen it."""
    client = SsoClient.register(served, scopes=["codewhisperer:analysis"])
    token = client.sign_in()
    with pytest.raises(ClientError, match="ForbiddenException"):
        served.client("sso").list_accounts(accessToken=token["accessToken"])
    wider = SsoClient.register(served, scopes=[SCOPE])
    signed_in = wider.sign_in()

    refused(
        wider,
        "InvalidScopeException",
        wider.oidc.create_token,
        grantType="refresh_token",
        refreshToken=signed_in["refreshToken"],
        scope=["codewhisperer:analysis"],
        **wider.proof,
    )
