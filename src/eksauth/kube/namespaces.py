"""The namespaces of a cluster: all of them, or whether one exists, also for those who may not list them."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from eksauth.errors import KubernetesError
from eksauth.kube.connection import Connection

_PAGE = 500
_MAX_PAGES = 200


def list_namespaces(connection: Connection) -> list[str]:
    """Return the names of all namespaces, sorted.

    :raises KubernetesError: ``kubernetes.forbidden`` when the user may not list them, and as :meth:`Connection.get`.
    """
    names: list[str] = []
    following = ""
    for _ in range(_MAX_PAGES):
        more = f"&continue={quote(following, safe='')}" if following else ""
        status, body = connection.get(f"/api/v1/namespaces?limit={_PAGE}{more}")
        if status == 410 and following:  # the list is too old to go on with; begin again
            names, following = [], ""
            continue
        answer = _answer(status, body, "list namespaces")
        try:
            names += [str(item["metadata"]["name"]) for item in answer["items"]]
            following = (answer.get("metadata") or {}).get("continue") or ""
        except (KeyError, TypeError):
            raise _no_api() from None
        if not following:
            return sorted(names)
    raise _no_api()


def has_namespace(connection: Connection, name: str) -> bool | None:
    """Tell whether a namespace exists; None when the user may not know.

    :raises KubernetesError: for any other answer, and as :meth:`Connection.get`.
    """
    status, body = connection.get(f"/api/v1/namespaces/{quote(name, safe='')}")
    if status == 403:
        return None
    if status == 404:
        return False if _is_status(body) else _raise(_no_api())
    _answer(status, body, "get the namespace")
    return True


def _answer(status: int, body: bytes, what: str) -> dict[str, Any]:
    if status == 403:
        raise KubernetesError(
            f"you may not {what}: {_message(body)}",
            hint="eksauth ns NAME works without that right",
            code="kubernetes.forbidden",
        )
    if status != 200:
        raise KubernetesError(f"the API server answered {status}: {_message(body)}", code="kubernetes.answer")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise _no_api()
    return document


def _is_status(body: bytes) -> bool:
    try:
        return bool(json.loads(body)["kind"] == "Status")
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


def _raise(error: Exception) -> bool:
    raise error


def _no_api() -> KubernetesError:
    return KubernetesError(
        "the answer is none of a Kubernetes API", hint="is server in the kubeconfig right", code="kubernetes.answer"
    )


def _message(body: bytes) -> str:
    try:
        message = json.loads(body)["message"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return "no further words"
    return " ".join(str(message).split())[:500]
