"""The TokenReview protocol edge."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eksauth.authenticator.server.reviews.tokenreview import (
    MalformedReview,
    ReviewRequest,
    accepted_audiences,
    failure,
    granted,
    parse_review,
    refused,
)

V1, V1BETA1 = "authentication.k8s.io/v1", "authentication.k8s.io/v1beta1"
ADMIN = SimpleNamespace(
    username="admin:ann", uid="aws-iam-authenticator:1:AROA", groups=("system:masters",), extra={"arn": ("arn:x",)}
)


def question(**changes: object) -> bytes:
    """Return a TokenReview as kube-apiserver posts it, with ``changes`` to its top level."""
    review: dict[str, object] = {
        "kind": "TokenReview",
        "apiVersion": V1,
        "metadata": {"creationTimestamp": None},
        "spec": {"token": "k8s-aws-v1.abc", "audiences": ["https://kubernetes.default.svc"]},
        "status": {"user": {}},
    }
    review.update(changes)
    return json.dumps({key: value for key, value in review.items() if value is not ...}).encode()


@pytest.mark.parametrize("version", [V1, V1BETA1])
def test_a_question_is_read_in_each_version(version: str) -> None:
    """Version, token and audiences come out as they were asked."""
    request = parse_review(question(apiVersion=version))
    assert request == ReviewRequest(version, "k8s-aws-v1.abc", ("https://kubernetes.default.svc",))


@pytest.mark.parametrize(
    "body, version, audiences",
    [
        pytest.param(b'{"spec":{"token":"t"}}', V1BETA1, (), id="bare-as-the-reference-took-it"),
        pytest.param(b'{"spec":{"token":"t","audiences":null}}', V1BETA1, (), id="null-audiences"),
        pytest.param(b'{"apiVersion":"","kind":"","spec":{"token":"t"}}', V1BETA1, (), id="empty-type"),
        pytest.param(
            question(unknown=[1], status={"x": 1}), V1, ("https://kubernetes.default.svc",), id="unknown-fields"
        ),
        pytest.param(b' \n{"spec":{"token":"t"}}\n', V1BETA1, (), id="blanks-around"),
    ],
)
def test_what_is_tolerated(body: bytes, version: str, audiences: tuple[str, ...]) -> None:
    """Missing types and unknown fields are no reason to refuse a login."""
    request = parse_review(body)
    assert (request.api_version, request.audiences) == (version, audiences)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"not json", id="not-json"),
        pytest.param(b"null", id="null"),
        pytest.param(b"[]", id="array"),
        pytest.param(b"{}", id="no-spec"),
        pytest.param(b'{"spec":{}}', id="no-token"),
        pytest.param(b'{"spec":{"token":""}}', id="empty-token"),
        pytest.param(b'{"spec":{"token":7}}', id="token-is-a-number"),
        pytest.param(b'{"spec":{"token":"t","audiences":"a"}}', id="audiences-is-text"),
        pytest.param(b'{"spec":{"token":"t","audiences":[1]}}', id="audience-is-a-number"),
        pytest.param(b'{"spec":{"token":"t"}}{"spec":{"token":"u"}}', id="two-documents"),
        pytest.param(b'{"spec":{"token":"\xff"}}', id="bad-utf-8"),
        pytest.param(b'{"spec":{"token":"t\x00"}}', id="raw-nul"),
        pytest.param(b'{"spec":{"token":"\\ud800"}}', id="lone-surrogate"),
        pytest.param(b'{"spec":{"token":"t"},"x":' + b"[" * 30_000 + b"]" * 30_000 + b"}", id="deep"),
        pytest.param(b'{"x":' + b'{"x":' * 12_000, id="deep-and-open"),
        pytest.param(question(kind="SubjectAccessReview"), id="other-kind"),
        pytest.param(question(apiVersion="authentication.k8s.io/v2"), id="other-version"),
        pytest.param(question(apiVersion="v1"), id="core-v1"),
        pytest.param(question(apiVersion=5), id="version-is-a-number"),
    ],
)
def test_what_is_refused(body: bytes) -> None:
    """Anything that is not one TokenReview with a token is refused in one line that quotes nothing of it."""
    with pytest.raises(MalformedReview) as caught:
        parse_review(body)
    assert "\n" not in caught.value.message
    assert caught.value.code == "review.malformed"


@given(st.binary(max_size=200))
def test_no_body_breaks_the_parser(body: bytes) -> None:
    """Whatever the bytes, the parser returns a question with a token or refuses."""
    try:
        request = parse_review(body)
    except MalformedReview:
        return
    assert request.unverified_token


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    st.lists(st.text(st.characters(exclude_categories=["Cs"]))),
)
def test_token_and_audiences_survive_json(token: str, audiences: list[str]) -> None:
    """Every text that JSON can carry arrives unchanged, NUL included."""
    request = parse_review(question(spec={"token": token, "audiences": audiences}))
    assert (request.unverified_token, list(request.audiences)) == (token, audiences)


def test_a_token_does_not_show_in_a_repr() -> None:
    """A question can be logged or end up in a traceback without giving the token away."""
    assert "secret" not in repr(ReviewRequest(V1, "secret"))


@pytest.mark.parametrize("version", [V1, V1BETA1])
def test_a_grant_is_a_whole_tokenreview(version: str) -> None:
    """Version and kind are those of the question, and user and audiences are filled in."""
    answer = json.loads(granted(ReviewRequest(version, "t", ("a",)), ADMIN, ("a",)))
    assert answer == {
        "apiVersion": version,
        "kind": "TokenReview",
        "metadata": {},
        "spec": {},
        "status": {
            "authenticated": True,
            "audiences": ["a"],
            "user": {
                "username": "admin:ann",
                "uid": "aws-iam-authenticator:1:AROA",
                "groups": ["system:masters"],
                "extra": {"arn": ["arn:x"]},
            },
        },
    }


def test_empty_parts_of_a_grant_are_left_out() -> None:
    """A user without groups, extras and audiences is just a name."""
    user = SimpleNamespace(username="ann", uid="", groups=(), extra={})
    assert json.loads(granted(ReviewRequest(V1, "t"), user, ()))["status"] == {
        "authenticated": True,
        "user": {"username": "ann"},
    }


def test_a_refusal_carries_an_error_only_when_told_to() -> None:
    """Without an error an API server caches the refusal; with one it does not."""
    request = ReviewRequest(V1BETA1, "t", ("a",))
    answer = json.loads(refused(request))
    assert (answer["apiVersion"], answer["kind"]) == (V1BETA1, "TokenReview")
    assert answer["status"] == {"authenticated": False}
    assert json.loads(refused(request, "why"))["status"] == {"authenticated": False, "error": "why"}


@pytest.mark.parametrize(
    "asked, own, accepted",
    [
        pytest.param((), None, (), id="nothing-asked"),
        pytest.param(("a", "b"), None, ("a", "b"), id="echo"),
        pytest.param((), frozenset("a"), (), id="nothing-asked-with-own"),
        pytest.param(("b", "a"), frozenset("a"), ("a",), id="intersection"),
        pytest.param(("b",), frozenset("a"), None, id="disjoint"),
    ],
)
def test_audiences(asked: tuple[str, ...], own: frozenset[str] | None, accepted: tuple[str, ...] | None) -> None:
    """The answer names the audiences asked for that are served, and None says that there is none."""
    assert accepted_audiences(asked, own) == accepted


@pytest.mark.parametrize("code, reason", [(400, "BadRequest"), (429, "TooManyRequests"), (504, "Timeout")])
def test_a_failure_is_a_kubernetes_status(code: int, reason: str) -> None:
    """API servers log the message of a Status and decide by its reason whether to ask again."""
    status = json.loads(failure(code, "because"))
    assert (status["kind"], status["apiVersion"], status["code"]) == ("Status", "v1", code)
    assert (status["reason"], status["message"]) == (reason, "because")
