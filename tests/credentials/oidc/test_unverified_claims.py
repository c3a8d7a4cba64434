"""What a token says about itself, and which tokens are refused before the network."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.credentials.oidc.tokens import NOW, jwt, part

from eksauth.credentials.oidc.unverified_claims import check_unverified, read_unverified
from eksauth.errors import CredentialsError


def test_claims_are_read() -> None:
    """Issuer, subject, audience and end are what the token says; several audiences are all kept."""
    claims = read_unverified(jwt(aud=["a", "b"], nbf=NOW - 1), "provider 'ci'")

    assert claims.issuer == "https://ci.example.com"
    assert claims.audiences == ("a", "b")
    assert (claims.expires_at, claims.not_before) == (NOW + 300, NOW - 1)
    assert "sub repo:acme/shop:ref:refs/heads/main" in claims.described()


@pytest.mark.parametrize(
    "token, code",
    [
        pytest.param("", "oidc.not_a_jwt", id="empty"),
        pytest.param("hunter2", "oidc.not_a_jwt", id="a password"),
        pytest.param("a.b", "oidc.not_a_jwt", id="two parts"),
        pytest.param("a..c", "oidc.not_a_jwt", id="an empty part"),
        pytest.param("a.b.c.d.e", "oidc.not_a_jwt", id="encrypted"),
        pytest.param(f"Bearer {jwt()}", "oidc.not_a_jwt", id="with a scheme"),
        pytest.param(f'"{jwt()}"', "oidc.not_a_jwt", id="quoted"),
        pytest.param(f"{part([1])}.{part({})}.c2ln", "oidc.not_a_jwt", id="a list for a header"),
        pytest.param(f"{part({})}.{part('x')}.c2ln", "oidc.not_a_jwt", id="a text for claims"),
        pytest.param(f"{part({})}.e30x.c2ln", "oidc.not_a_jwt", id="no JSON"),
        pytest.param(jwt(padding="x" * 20000), "oidc.too_long", id="longer than STS takes"),
        pytest.param(
            jwt(iss="kubernetes/serviceaccount", aud=None, exp=None), "oidc.legacy_token", id="old Kubernetes"
        ),
    ],
)
def test_what_is_no_token(token: str, code: str) -> None:
    """Anything else than a signed token has its own error, which never repeats it."""
    with pytest.raises(CredentialsError) as caught:
        read_unverified(token, "provider 'ci'")
    assert caught.value.code == code
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "claims, code, says",
    [
        pytest.param({"exp": NOW - 120}, "oidc.expired", "expired 2 minutes ago", id="expired"),
        pytest.param({"exp": NOW - 3 * 86400}, "oidc.expired", "3 days", id="long expired"),
        pytest.param({"nbf": NOW + 7200}, "oidc.not_yet", "only in 2 hours", id="not yet valid"),
        pytest.param({"aud": "other"}, "oidc.audience", "it says other, not sts.amazonaws.com", id="another audience"),
        pytest.param({"aud": None}, "oidc.audience", "it says none", id="no audience"),
        pytest.param({"aud": "STS.amazonaws.com"}, "oidc.audience", "STS", id="audience in other letters"),
    ],
)
def test_what_sts_would_refuse(claims: dict, code: str, says: str) -> None:
    """Expired tokens and those for somebody else are refused here, with what they say."""
    with pytest.raises(CredentialsError, match=says) as caught:
        check_unverified(jwt(**claims), what="provider 'ci'", audience="sts.amazonaws.com", now=NOW)
    assert caught.value.code == code
    assert caught.value.hint


def test_what_goes_through() -> None:
    """A token with a moment left, an odd expiry or one of several audiences is for STS to judge."""
    for claims in (
        {"exp": NOW - 10},
        {"exp": "soon"},
        {"exp": None},
        {"exp": True},
        {"aud": ["x", "sts.amazonaws.com"]},
    ):
        check_unverified(jwt(**claims), what="provider 'ci'", audience="sts.amazonaws.com", now=NOW)
    check_unverified(jwt(aud="any"), what="provider 'ci'", audience=None, now=NOW)


def test_claims_are_fit_to_be_shown() -> None:
    """Escape sequences and endless texts in claims do not reach a terminal."""
    claims = read_unverified(jwt(sub="\x1b[31mred\r\n" + "x" * 5000, aud=["\x07"] * 50), "provider 'ci'")

    assert claims.described().isprintable()
    assert len(claims.described()) < 1000


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda data: data.decode("latin-1")))
def test_no_text_breaks_the_reader(text: str) -> None:
    """Whatever a file or a command gives is read or refused."""
    for token in (
        text,
        f"{text}.{text}.{text}",
        f"{part({})}.{part(text)}.c2ln",
        f"{part({})}.{part({'aud': [text, 1]})}.x",
    ):
        with contextlib.suppress(CredentialsError):
            read_unverified(token, "provider 'ci'")
