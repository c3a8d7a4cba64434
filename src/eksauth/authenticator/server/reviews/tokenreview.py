"""The TokenReview protocol: what an API server posts to a webhook authenticator, and what it understands as an answer.

Specification: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#webhook-token-authentication and
the ``authentication.k8s.io`` API. An answer must be in the version of the question. Pure: bytes in, bytes out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from eksauth.errors import Refused

KIND = "TokenReview"
VERSIONS = ("authentication.k8s.io/v1", "authentication.k8s.io/v1beta1")
UNSTATED_VERSION = "authentication.k8s.io/v1beta1"
"""What a question without ``apiVersion`` is taken for: the version that kube-apiserver asks in by default."""


class User(Protocol):
    """The Kubernetes user that an answer grants."""

    @property
    def username(self) -> str:
        """``user.username``, never empty."""

    @property
    def uid(self) -> str:
        """``user.uid``; may be empty."""

    @property
    def groups(self) -> Sequence[str]:
        """``user.groups``."""

    @property
    def extra(self) -> Mapping[str, Sequence[str]]:
        """``user.extra``."""


class MalformedReview(Refused):
    """The body is no TokenReview; the message says why and never quotes the body."""

    code = "review.malformed"


@dataclass(frozen=True, slots=True)
class ReviewRequest:
    """A question: whose is this bearer token, and for which of these audiences is it good.

    :param api_version: one of :data:`VERSIONS`.
    :param unverified_token: whatever the caller of the API server sent as a bearer token.
    :param audiences: what the API server asks for; empty when it does not care.
    """

    api_version: str
    unverified_token: str = field(repr=False)
    audiences: tuple[str, ...] = ()


class _Spec(msgspec.Struct):
    token: str = ""
    audiences: list[str] | None = None


class _Review(msgspec.Struct, rename="camel"):
    spec: _Spec
    api_version: str | None = None
    kind: str | None = None


_DECODER = msgspec.json.Decoder(_Review)
_ENCODER = msgspec.json.Encoder()


def parse_review(body: bytes) -> ReviewRequest:
    """Read the body of a webhook call.

    Unknown fields are ignored, as API machinery does. ``apiVersion`` and ``kind`` may be missing, because
    aws-iam-authenticator never looked at them and hand-written callers leave them out; when present they must be right.

    :raises MalformedReview: for anything that is not one TokenReview with a token.
    """
    try:
        review = _DECODER.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        detail = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise MalformedReview(f"the body is not a TokenReview: {_decapitalise(detail)}") from None
    if review.kind not in {None, "", KIND}:
        raise MalformedReview("the body is not a TokenReview: its kind says otherwise")
    version = review.api_version or UNSTATED_VERSION
    if version not in VERSIONS:
        raise MalformedReview(f"the apiVersion is not one of {' and '.join(VERSIONS)}")
    if not review.spec.token:
        raise MalformedReview("the TokenReview has no spec.token")
    return ReviewRequest(version, review.spec.token, tuple(review.spec.audiences or ()))


def accepted_audiences(asked: Sequence[str], own: frozenset[str] | None) -> tuple[str, ...] | None:
    """Return the asked audiences that the token is good for, in order, or None when there is no such audience.

    These tokens are bound to a cluster, not to an audience, so without ``own`` every audience asked for is accepted and
    echoed. With ``own`` (the API server's own audiences) the answer is the intersection. Nothing asked gives nothing.
    """
    accepted = tuple(audience for audience in asked if own is None or audience in own)
    return accepted if accepted or not asked else None


def granted(request: ReviewRequest, user: User, audiences: Sequence[str]) -> bytes:
    """Return the answer that admits ``user``; empty groups, extras and audiences are left out."""
    who: dict[str, object] = {"username": user.username}
    if user.uid:
        who["uid"] = user.uid
    if user.groups:
        who["groups"] = list(user.groups)
    if user.extra:
        who["extra"] = {key: list(values) for key, values in user.extra.items()}
    status: dict[str, object] = {"authenticated": True, "user": who}
    if audiences:
        status["audiences"] = list(audiences)
    return _answer(request, status)


def refused(request: ReviewRequest, error: str | None = None) -> bytes:
    """Return the answer that turns the token down.

    API servers cache a refusal for the webhook's TTL exactly when ``status.error`` is empty, so ``error`` is for
    refusals that must not stick and for operators who ask to see reasons.
    """
    status: dict[str, object] = {"authenticated": False}
    if error:
        status["error"] = error
    return _answer(request, status)


def failure(code: int, message: str) -> bytes:
    """Return a ``Status`` object for an HTTP error, so that the API server's log shows ``message``.

    :param code: the HTTP status it travels with.
    """
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": _STATUS_REASONS.get(code, "InternalError" if code >= 500 else "BadRequest"),
        "code": code,
    }
    return _ENCODER.encode(status)


_STATUS_REASONS = {
    400: "BadRequest",
    404: "NotFound",
    405: "MethodNotAllowed",
    408: "Timeout",
    413: "RequestEntityTooLarge",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}
"""``metav1.StatusReason`` of each status; client-go decides by reason, not by code, whether to try again."""


def _answer(request: ReviewRequest, status: Mapping[str, object]) -> bytes:
    return _ENCODER.encode(
        {"apiVersion": request.api_version, "kind": KIND, "metadata": {}, "spec": {}, "status": status}
    )


def _decapitalise(text: str) -> str:
    return text[:1].lower() + text[1:] if text[1:2].islower() else text
