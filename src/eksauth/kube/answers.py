"""Answers of a Kubernetes API as documents, or as errors that say what the API said."""

from __future__ import annotations

import json
from typing import Any

from eksauth.errors import KubernetesError


def document_of(status: int, body: bytes, what: str, *, hint: str | None = None) -> dict[str, Any]:
    """Return the JSON object of an answer with status 200.

    :param what: completes "you may not …".
    :param hint: for whoever may not.
    :raises KubernetesError: ``kubernetes.forbidden`` or ``kubernetes.answer``.
    """
    if status == 403:
        raise KubernetesError(f"you may not {what}: {message_of(body)}", hint=hint, code="kubernetes.forbidden")
    if status != 200:
        raise KubernetesError(f"the API server answered {status}: {message_of(body)}", code="kubernetes.answer")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise no_api()
    return document


def is_status(body: bytes) -> bool:
    """Tell whether an answer is a ``Status`` object, as only an API server writes it."""
    try:
        return bool(json.loads(body)["kind"] == "Status")
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


def no_api() -> KubernetesError:
    """Return the error for an answer that no API server gives."""
    return KubernetesError(
        "the answer is none of a Kubernetes API", hint="is server in the kubeconfig right", code="kubernetes.answer"
    )


def message_of(body: bytes) -> str:
    """Return the message of a ``Status`` object on one line."""
    try:
        message = json.loads(body)["message"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return "no further words"
    return " ".join(str(message).split())[:500]
