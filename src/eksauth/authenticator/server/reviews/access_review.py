"""The SubjectAccessReview protocol: what an API server posts to a webhook authorizer, and the answers it understands.

Specification: https://kubernetes.io/docs/reference/access-authn-authz/webhook/ and the ``authorization.k8s.io`` API. An
answer must be in the version of the question; ``allowed: false`` without ``denied`` is no opinion. Pure: bytes in,
bytes out.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from eksauth.authenticator.entries.authorize import Opinion
from eksauth.authenticator.server.reviews.tokenreview import MalformedReview
from eksauth.kube.rbac import Attributes, User

KIND = "SubjectAccessReview"
VERSIONS = ("authorization.k8s.io/v1", "authorization.k8s.io/v1beta1")


@dataclass(frozen=True, slots=True)
class AccessQuestion:
    """One question: may this user do that."""

    api_version: str
    attributes: Attributes


class _Resource(msgspec.Struct):
    namespace: str = ""
    verb: str = ""
    group: str = ""
    resource: str = ""
    subresource: str = ""
    name: str = ""


class _Path(msgspec.Struct):
    path: str = ""
    verb: str = ""


class _Spec(msgspec.Struct, rename="camel"):
    resource_attributes: _Resource | None = None
    non_resource_attributes: _Path | None = None
    user: str = ""
    uid: str = ""
    groups: list[str] | None = None
    group: list[str] | None = None  # the name that v1beta1 has for groups
    extra: dict[str, list[str]] | None = None


class _Review(msgspec.Struct, rename="camel"):
    spec: _Spec
    api_version: str = ""
    kind: str = ""


_DECODER = msgspec.json.Decoder(_Review)
_ENCODER = msgspec.json.Encoder()


def parse_access_review(body: bytes) -> AccessQuestion:
    """Read the body of a webhook call; unknown fields are ignored, as API machinery does.

    :raises MalformedReview: for anything that is not one SubjectAccessReview; the message never quotes the body.
    """
    try:
        review = _DECODER.decode(body)
    except RecursionError:
        raise MalformedReview("the body is not a SubjectAccessReview: it is nested too deeply") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        text = str(error)
        raise MalformedReview(f"the body is not a SubjectAccessReview: {text[:1].lower()}{text[1:]}") from None
    if review.kind != KIND:
        raise MalformedReview("the body is not a SubjectAccessReview: its kind says otherwise")
    if review.api_version not in VERSIONS:
        raise MalformedReview(f"the apiVersion is not one of {' and '.join(VERSIONS)}")
    spec = review.spec
    groups = spec.groups if spec.groups is not None else spec.group
    extra = {key: tuple(values) for key, values in (spec.extra or {}).items()}
    user = User(spec.user, tuple(groups or ()), spec.uid, extra)
    what, path = spec.resource_attributes, spec.non_resource_attributes
    if (what is None) == (path is None):
        raise MalformedReview("the SubjectAccessReview asks for a resource and a path, or for neither")
    if path is not None:
        return AccessQuestion(review.api_version, Attributes(user, path.verb, path=path.path))
    assert what is not None  # noqa: S101  one of the two is there
    return AccessQuestion(
        review.api_version,
        Attributes(user, what.verb, what.group, what.resource, what.subresource, what.namespace, what.name),
    )


def answer(question: AccessQuestion, opinion: Opinion) -> bytes:
    """Return the answer that says yes, or nothing."""
    status: dict[str, object] = {"allowed": opinion.allowed}
    if opinion.reason:
        status["reason"] = opinion.reason
    return _ENCODER.encode(
        {"apiVersion": question.api_version, "kind": KIND, "metadata": {}, "spec": {}, "status": status}
    )
