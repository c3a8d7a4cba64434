"""Whatever arrives at Identity Center's paths is answered, never with a bug of ours."""

from __future__ import annotations

import json
from functools import lru_cache
from urllib.parse import urlencode

from hypothesis import given, settings
from hypothesis import strategies as st

from eksauth.sandbox.aws.cloud import Cloud
from eksauth.sandbox.aws.request import RawRequest
from eksauth.sandbox.aws.sso.planting import plant_portal
from eksauth.sandbox.aws.sso.registrations import _loopback_parts
from eksauth.sandbox.aws.sso.visits import COOKIE

APIS = ["/client/register", "/device_authorization", "/token"]
PAGES = ["/start", "/sign-in", "/sign-out", "/device", "/authorize", "/federation", "/portal.css"]
PORTAL = ["/assignment/accounts", "/assignment/roles", "/federation/credentials", "/logout"]
NAMES = [
    "clientName",
    "clientType",
    "scopes",
    "redirectUris",
    "grantTypes",
    "issuerUrl",
    "clientId",
    "clientSecret",
    "startUrl",
    "grantType",
    "deviceCode",
    "code",
    "refreshToken",
    "redirectUri",
    "codeVerifier",
    "scope",
    "client_id",
    "redirect_uri",
    "response_type",
    "state",
    "code_challenge",
    "code_challenge_method",
    "user_code",
    "decision",
    "csrf",
    "next",
    "user_name",
    "password",
    "account_id",
    "role_name",
    "max_result",
    "next_token",
    "Action",
    "Session",
    "SessionDuration",
    "Destination",
    "SigninToken",
    "Issuer",
]

words = st.sampled_from(NAMES)
values = st.one_of(
    st.text(max_size=40),
    st.integers(),
    st.booleans(),
    st.none(),
    st.lists(st.text(max_size=10), max_size=4),
    st.dictionaries(words, st.text(max_size=5), max_size=3),
)
queries = st.one_of(
    st.dictionaries(words, st.text(max_size=40), max_size=6).map(lambda found: urlencode(found).encode()),
    st.binary(max_size=60),
)
bodies = st.one_of(
    st.dictionaries(words, values, max_size=8).map(lambda found: json.dumps(found).encode()),
    queries,
    st.binary(max_size=80),
)
headers = st.lists(
    st.tuples(
        st.sampled_from([b"content-type", b"cookie", b"x-amz-sso_bearer_token", b"authorization", b"accept"]),
        st.one_of(
            st.binary(max_size=40),
            st.sampled_from([b"application/json", b"application/x-www-form-urlencoded", b"__Host-sandbox-portal=x"]),
        ),
    ),
    max_size=4,
)


@lru_cache
def cloud() -> Cloud:
    """Return one cloud for all examples."""
    made = Cloud()
    plant_portal(made.sso, made.iam)
    return made


@settings(max_examples=600, deadline=None)
@given(
    st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "x"]),
    st.sampled_from([*APIS, *PAGES, *PORTAL]),
    queries,
    headers,
    bodies,
)
def test_nothing_makes_it_fail(
    method: str, path: str, query: bytes, sent: list[tuple[bytes, bytes]], body: bytes
) -> None:
    """No request gets a status of 500; every answer is one of ours."""
    answer = cloud().answer(RawRequest(method, path.encode(), query, tuple(sent), body))

    assert answer.status < 500 or answer.status == 501
    assert answer.content_type.partition(";")[0] in {"application/json", "text/html", "text/css", "text/plain"}
    for value in answer.headers.values():
        assert "\n" not in value
        assert "\r" not in value


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(PORTAL[:3]), queries)
def test_nothing_makes_the_portal_fail_for_somebody_signed_in(path: str, query: bytes) -> None:
    """With a valid token the parameters are what is judged."""
    found = cloud()
    if not found.sso.tokens.of_user("dana"):
        found.sso.tokens.open(user_name="dana", client_id="c", scopes=(), ends_at=found.now() + 28800)
    family = found.sso.tokens.of_user("dana")[0]
    if not family.access:
        found.sso.tokens.issue(family, seconds=28800, with_refresh=False, now=found.now())
    token = next(iter(family.access)).encode()
    answer = found.answer(RawRequest("GET", path.encode(), query, ((b"x-amz-sso_bearer_token", token),)))

    assert answer.status in {200, 400, 403}


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(PAGES),
    queries,
    st.dictionaries(words, st.text(st.characters(blacklist_categories=["Cs"]), max_size=30), max_size=6),
)
def test_nothing_makes_a_form_fail_for_somebody_signed_in(path: str, query: bytes, form: dict[str, str]) -> None:
    """With a valid cookie and form token, whatever else the form holds gets a page or a redirect."""
    found = cloud()
    visit = found.sso.visits.sign_in("dana", found.now() + 28800)
    body = urlencode({**form, "csrf": found.sso.visits.csrf(visit)}).encode()
    sent = (
        (b"content-type", b"application/x-www-form-urlencoded"),
        (b"cookie", f"{COOKIE}={visit.name}".encode()),
    )
    answer = found.answer(RawRequest("POST", path.encode(), query, sent, body))

    assert answer.status in {200, 303, 400, 401, 403, 404, 405}
    location = answer.headers.get("Location", "/")
    assert location.startswith("/")
    assert not location.startswith("//")


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60) | st.from_regex(r"http://[^/]{0,20}(/.*)?", fullmatch=True))
def test_a_loopback_redirect_stays_on_loopback(uri: str) -> None:
    """A redirect URI that is taken has a loopback address as the only thing between scheme and port or path."""
    if _loopback_parts(uri) is not None:
        rest = uri[len("http://") :]
        host = rest.removeprefix("127.0.0.1").removeprefix("[::1]")
        assert host != rest
        assert host[:1] in {"", ":", "/", "?"}
