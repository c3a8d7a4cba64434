"""Refusals as Kubernetes words them: every error is a ``Status`` object with a reason and an HTTP code.

Source: the ``k8s.io/apimachinery`` error constructors, observed on a running kube-apiserver.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from eksauth.kube.rbac import Attributes
from eksauth.kube.text import quoted


class ApiError(Exception):
    """A refusal on its way to becoming a ``Status`` object."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        details: dict[str, Any] | None = None,
        *,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """Return the Status object."""
        status: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
        status["message"] = self.message
        if self.reason:
            status["reason"] = self.reason
        if self.details is not None:
            status["details"] = self.details
        status["code"] = self.code
        return status


@dataclass(frozen=True, slots=True)
class Cause:
    """What is wrong with one field."""

    reason: str
    message: str
    path: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def group_resource(plural: str, group: str) -> str:
    """Return a resource with its group as messages name it, such as ``roles.rbac.authorization.k8s.io``."""
    return f"{plural}.{group}" if group else plural


def details_of(name: str, group: str, kind: str, **more: Any) -> dict[str, Any]:
    """Return the ``details`` of a Status without empty fields."""
    details = {"name": name, "group": group, "kind": kind, **more}
    return {key: value for key, value in details.items() if value}


def unauthorized() -> ApiError:
    """Return 401: the credential is not accepted; why is never said."""
    return ApiError(401, "Unauthorized", "Unauthorized")


def forbidden(request: Attributes, reason: str = "") -> ApiError:
    """Return 403 for a request that authorization refused."""
    text = _sanitized(_cannot(request)) + (f": {reason}" if reason else "")
    return forbidden_object(request.resource, request.group, request.name, text)


def forbidden_object(plural: str, group: str, name: str, text: str) -> ApiError:
    """Return 403 on an object, with ``text`` saying why."""
    if not plural:
        message = f"forbidden: {text}"
    elif not name:
        message = f"{group_resource(plural, group)} is forbidden: {text}"
    else:
        message = f"{group_resource(plural, group)} {quoted(name)} is forbidden: {text}"
    return ApiError(403, "Forbidden", message, details_of(name, group, plural))


def _cannot(request: Attributes) -> str:
    who = f"User {quoted(request.user.name)} cannot {request.verb}"
    if request.path is not None:
        return f"{who} path {quoted(request.path)}"
    where = f"in the namespace {quoted(request.namespace)}" if request.namespace else "at the cluster scope"
    return f"{who} resource {quoted(request.full_resource)} in API group {quoted(request.group)} {where}"


def _sanitized(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def not_found(plural: str, group: str, name: str) -> ApiError:
    """Return 404 for an object."""
    message = f"{group_resource(plural, group)} {quoted(name)} not found"
    return ApiError(404, "NotFound", message, details_of(name, group, plural))


def no_such_resource() -> ApiError:
    """Return 404 for a resource type that is not served."""
    return ApiError(404, "NotFound", "the server could not find the requested resource", {})


def method_not_allowed() -> ApiError:
    """Return 405."""
    return ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})


def already_exists(plural: str, group: str, name: str) -> ApiError:
    """Return 409 for a name that is taken."""
    message = f"{group_resource(plural, group)} {quoted(name)} already exists"
    return ApiError(409, "AlreadyExists", message, details_of(name, group, plural))


MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def conflict(plural: str, group: str, name: str, text: str = MODIFIED) -> ApiError:
    """Return 409 for a write that was based on something old."""
    message = f"Operation cannot be fulfilled on {group_resource(plural, group)} {quoted(name)}: {text}"
    return ApiError(409, "Conflict", message, details_of(name, group, plural))


def invalid(kind: str, group: str, name: str, causes: Sequence[Cause]) -> ApiError:
    """Return 422 with every field that is wrong."""
    texts = [str(cause) for cause in causes]
    text = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    qualified = f"{kind}.{group}" if group else kind
    listed = [{"reason": cause.reason, "message": cause.message, "field": cause.path} for cause in causes]
    details = details_of(name, group, kind, causes=listed)
    return ApiError(422, "Invalid", f"{qualified} {quoted(name)} is invalid: {text}", details)


def rejected_patch() -> ApiError:
    """Return 422 for a JSON patch that does not apply; kube-apiserver gives no detail either."""
    return ApiError(422, "Invalid", "the server rejected our request due to an error in our request", {})


def bad_request(message: str) -> ApiError:
    """Return 400."""
    return ApiError(400, "BadRequest", message)


def too_large(limit: int) -> ApiError:
    """Return 413 for a body over ``limit`` bytes."""
    return ApiError(413, "RequestEntityTooLarge", f"Request entity too large: limit is {limit}")


def unsupported_body(accepted: Iterable[str]) -> ApiError:
    """Return 415 for a body in a format that is not read."""
    message = "the body of the request was in an unknown format - accepted media types include: "
    return ApiError(415, "UnsupportedMediaType", message + ", ".join(accepted))


def unsupported_patch() -> ApiError:
    """Return 415 for a patch type that is not known."""
    return ApiError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})


def not_acceptable(available: Iterable[str]) -> ApiError:
    """Return 406 for an Accept header that names nothing we write."""
    message = "406: Not Acceptable\n\nAvailable representations: " + ", ".join(available)
    return ApiError(406, "NotAcceptable", message, {})


def expired(message: str) -> ApiError:
    """Return 410 for a resource version or continue token that the history no longer reaches."""
    return ApiError(410, "Expired", message)
