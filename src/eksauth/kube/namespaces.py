"""The namespaces of a cluster: all of them, or whether one exists, also for those who may not list them."""

from __future__ import annotations

from urllib.parse import quote

from eksauth.kube.answers import document_of, is_status, no_api
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
        answer = document_of(status, body, "list namespaces", hint="eksauth ns NAME works without that right")
        try:
            names += [str(item["metadata"]["name"]) for item in answer["items"]]
            following = (answer.get("metadata") or {}).get("continue") or ""
        except (KeyError, TypeError):
            raise no_api() from None
        if not following:
            return sorted(names)
    raise no_api()


def has_namespace(connection: Connection, name: str) -> bool | None:
    """Tell whether a namespace exists; None when the user may not know.

    :raises KubernetesError: for any other answer, and as :meth:`Connection.get`.
    """
    status, body = connection.get(f"/api/v1/namespaces/{quote(name, safe='')}")
    if status == 403:
        return None
    if status == 404:
        if is_status(body):
            return False
        raise no_api()
    document_of(status, body, "get the namespace")
    return True
