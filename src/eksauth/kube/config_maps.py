"""ConfigMaps of a cluster."""

from __future__ import annotations

from urllib.parse import quote

from eksauth.kube.answers import document_of, is_status, no_api
from eksauth.kube.connection import Connection


def read_config_map(connection: Connection, namespace: str, name: str) -> dict[str, str] | None:
    """Return the ``data`` of a ConfigMap; None when there is no such object.

    :raises KubernetesError: ``kubernetes.forbidden`` when the user may not read it, and as :meth:`Connection.get`.
    """
    path = f"/api/v1/namespaces/{quote(namespace, safe='')}/configmaps/{quote(name, safe='')}"
    status, body = connection.get(path)
    if status == 404:
        if is_status(body):
            return None
        raise no_api()
    what = f"read the ConfigMap {name} in {namespace}"
    data = document_of(status, body, what, hint="use a context that may, or check a file").get("data")
    if data is not None and not isinstance(data, dict):
        raise no_api()
    return {str(key): str(value) for key, value in (data or {}).items()}
