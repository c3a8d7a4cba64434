"""Puts into a fresh API server what the sandbox's identities need: RBAC for the groups that the mapping hands out."""

from __future__ import annotations

import json
import time

from eksauth.errors import KubernetesError
from eksauth.sandbox.loopback import LoopbackClient, trusting

READ_ONLY_GROUP = "eksauth:view"
"""Group of the read-only role; bound to a ClusterRole that reads everything but secrets."""

_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_READ = ["get", "list", "watch"]
_OBJECTS = (
    # not the built-in role `view`: in a bare kube-apiserver it is empty, because the controller that fills it from
    # the roles it aggregates runs in another program
    (
        f"{_RBAC}/clusterroles",
        {
            "kind": "ClusterRole",
            "metadata": {"name": "eksauth-view"},
            "rules": [
                {
                    "apiGroups": [""],
                    "resources": ["configmaps", "events", "namespaces", "nodes", "pods", "pods/log", "serviceaccounts"],
                    "verbs": _READ,
                },
                {
                    "apiGroups": ["rbac.authorization.k8s.io"],
                    "resources": ["clusterrolebindings", "clusterroles", "rolebindings", "roles"],
                    "verbs": _READ,
                },
            ],
        },
    ),
    (
        f"{_RBAC}/clusterrolebindings",
        {
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "eksauth-view"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "eksauth-view"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": READ_ONLY_GROUP}],
        },
    ),
)


def seed_rbac(endpoint: str, ca_pem: str, admin_token: str, *, patience: float = 60.0) -> None:
    """Create the read-only role and its binding, waiting until the API server is able to.

    A real API server makes its own roles in the background; until it has, it may answer 403 or 404 to anybody.

    :raises KubernetesError: when it still cannot after ``patience`` seconds.
    """
    client = LoopbackClient(endpoint, trusting(ca_pem), admin_token)
    deadline = time.monotonic() + patience
    for path, body in _OBJECTS:
        document = json.dumps({"apiVersion": "rbac.authorization.k8s.io/v1", **body}).encode()
        while (reason := _create(client, path, document)) is not None:
            if time.monotonic() > deadline:
                raise KubernetesError(
                    f"cannot prepare the sandbox's API server: {reason}", code="sandbox.seeding_failed"
                )
            time.sleep(0.2)


def _create(client: LoopbackClient, path: str, document: bytes) -> str | None:
    """Return why the object is not there yet, or None when it is."""
    try:
        reply = client.ask(path, document)
    except OSError as error:
        return str(error)
    return None if reply.status in {201, 409} else f"HTTP {reply.status}"
