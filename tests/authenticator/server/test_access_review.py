"""SubjectAccessReviews on the wire."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eksauth.authenticator.entries.authorize import Opinion
from eksauth.authenticator.server.reviews.access_review import answer, parse_access_review
from eksauth.authenticator.server.reviews.tokenreview import MalformedReview
from eksauth.kube.rbac import Attributes, User

V1, V1BETA1 = "authorization.k8s.io/v1", "authorization.k8s.io/v1beta1"


def review(version: str = V1, **spec: object) -> bytes:
    """Return the body of a webhook call."""
    return json.dumps({"apiVersion": version, "kind": "SubjectAccessReview", "spec": spec}).encode()


def test_a_resource_request_is_read_whole() -> None:
    """Every attribute that a decision can depend on arrives."""
    question = parse_access_review(
        review(
            resourceAttributes={
                "namespace": "dev",
                "verb": "get",
                "group": "apps",
                "version": "v1",
                "resource": "deployments",
                "subresource": "scale",
                "name": "web",
                "fieldSelector": {"rawSelector": "x"},
            },
            user="ci",
            groups=["g"],
            uid="u",
            extra={"canonicalArn": ["arn:x"]},
        )
    )
    user = User("ci", ("g",), "u", {"canonicalArn": ("arn:x",)})
    assert question.attributes == Attributes(user, "get", "apps", "deployments", "scale", "dev", "web")


def test_a_path_request_is_read() -> None:
    """Requests for what is no resource have a path and a verb only."""
    question = parse_access_review(review(nonResourceAttributes={"path": "/metrics", "verb": "get"}, user="ci"))
    assert question.attributes == Attributes(User("ci"), "get", path="/metrics")


def test_the_old_version_calls_groups_group() -> None:
    """v1beta1 is answered in v1beta1 and its field is understood."""
    question = parse_access_review(review(V1BETA1, nonResourceAttributes={"path": "/", "verb": "get"}, group=["g"]))
    assert question.attributes.user.groups == ("g",)
    assert json.loads(answer(question, Opinion(allowed=False)))["apiVersion"] == V1BETA1


@pytest.mark.parametrize("allowed", [True, False])
def test_an_answer_allows_or_has_no_opinion(allowed: bool) -> None:
    """A refusal is never a denial: other authorizers decide on."""
    question = parse_access_review(review(nonResourceAttributes={"path": "/", "verb": "get"}))
    status = json.loads(answer(question, Opinion(allowed=allowed, reason="because")))["status"]
    assert status == {"allowed": allowed, "reason": "because"}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"[]", id="list"),
        pytest.param(b"{" * 5000, id="deep"),
        pytest.param(b'{"a":' * 100_000, id="deeper"),
        pytest.param(review(), id="nothing-asked"),
        pytest.param(review(resourceAttributes={}, nonResourceAttributes={}), id="both"),
        pytest.param(review("authorization.k8s.io/v2", resourceAttributes={}), id="version"),
        pytest.param(review(resourceAttributes={}).replace(b"SubjectAccessReview", b"TokenReview"), id="kind"),
        pytest.param(review(resourceAttributes={"verb": 1}), id="number"),
        pytest.param(review(resourceAttributes={}, extra={"a": "b"}), id="extra"),
        pytest.param(b'{"kind": "\xff"}', id="bytes"),
    ],
)
def test_what_is_no_review_is_refused_without_quoting_it(body: bytes) -> None:
    """Anything else is one clear refusal."""
    with pytest.raises(MalformedReview):
        parse_access_review(body)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_question_or_a_refusal(body: bytes) -> None:
    """No input raises anything but the refusal."""
    with suppress(MalformedReview):
        assert parse_access_review(body).api_version in {V1, V1BETA1}
