"""What a cluster holds from its first moment: namespaces, and the default roles and bindings.

Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings, cut down to the
resources that this server serves. Roles of controllers and nodes are left out: nothing here uses them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from eksauth.kube.rbac import AUTHENTICATED, RBAC_GROUP, SUPERUSERS, UNAUTHENTICATED, User
from eksauth.sandbox.apiserver.resources import (
    AUTHENTICATION_GROUP,
    AUTHORIZATION_GROUP,
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    NAMESPACES,
    Resource,
)

SYSTEM = User("system:apiserver", (SUPERUSERS, AUTHENTICATED))
"""Who writes what the server itself writes."""

FIRST_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")

_READ = ["get", "list", "watch"]
_WRITE = ["create", "delete", "deletecollection", "patch", "update"]
_MARK = {"kubernetes.io/bootstrapping": "rbac-defaults"}
_UPDATE = {"rbac.authorization.kubernetes.io/autoupdate": "true"}
_TO = "rbac.authorization.k8s.io/aggregate-to-"
_PUBLIC = ["/healthz", "/livez", "/readyz", "/version", "/version/"]
_DISCOVERY = ["/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz"]
_WORKLOADS = ["configmaps", "serviceaccounts"]
_PODS = ["pods", "pods/attach", "pods/exec", "pods/portforward", "pods/proxy"]


def first_objects() -> Iterator[tuple[Resource, dict[str, Any]]]:
    """Yield every object that a new cluster starts with."""
    for name in FIRST_NAMESPACES:
        yield NAMESPACES, {"metadata": {"name": name}}
    for name, rules, aggregate_to in _ROLES:
        labels = {**_MARK, **({f"{_TO}{aggregate_to}": "true"} if aggregate_to else {})}
        yield CLUSTER_ROLES, {"metadata": _metadata(name, labels), "rules": rules}
    for name, gathers, feeds in (("admin", "admin", ""), ("edit", "edit", "admin"), ("view", "view", "edit")):
        labels = {**_MARK, **({f"{_TO}{feeds}": "true"} if feeds else {})}
        selector = {"clusterRoleSelectors": [{"matchLabels": {f"{_TO}{gathers}": "true"}}]}
        yield CLUSTER_ROLES, {"metadata": _metadata(name, labels), "aggregationRule": selector, "rules": []}
    for name, groups in _BINDINGS:
        subjects = [{"kind": "Group", "name": group, "apiGroup": RBAC_GROUP} for group in groups]
        reference = {"kind": "ClusterRole", "name": name, "apiGroup": RBAC_GROUP}
        yield CLUSTER_ROLE_BINDINGS, {"metadata": _metadata(name, _MARK), "roleRef": reference, "subjects": subjects}


def _metadata(name: str, labels: dict[str, str]) -> dict[str, Any]:
    return {"name": name, "labels": dict(labels), "annotations": dict(_UPDATE)}


def _on(groups: list[str], resources: list[str], verbs: list[str]) -> dict[str, list[str]]:
    return {"apiGroups": groups, "resources": resources, "verbs": verbs}


def _urls(urls: list[str]) -> dict[str, list[str]]:
    return {"nonResourceURLs": urls, "verbs": ["get"]}


_ROLES: tuple[tuple[str, list[dict[str, list[str]]], str], ...] = (
    ("cluster-admin", [_on(["*"], ["*"], ["*"]), {"nonResourceURLs": ["*"], "verbs": ["*"]}], ""),
    (
        "system:aggregate-to-admin",
        [
            _on([AUTHORIZATION_GROUP], ["localsubjectaccessreviews"], ["create"]),
            _on([RBAC_GROUP], ["rolebindings", "roles"], [*_WRITE, *_READ]),
        ],
        "admin",
    ),
    (
        "system:aggregate-to-edit",
        [
            _on([""], [*_PODS[1:], "secrets"], _READ),
            _on([""], ["serviceaccounts"], ["impersonate"]),
            _on([""], _PODS, _WRITE),
            _on([""], ["pods/eviction"], ["create"]),
            _on([""], [*_WORKLOADS, "secrets"], _WRITE),
            _on([""], ["serviceaccounts/token"], ["create"]),
            _on(["", "events.k8s.io"], ["events"], _WRITE),
        ],
        "edit",
    ),
    (
        "system:aggregate-to-view",
        [
            _on([""], [*_WORKLOADS, "pods"], _READ),
            _on([""], ["bindings", "namespaces/status", "pods/log", "pods/status"], _READ),
            _on([""], ["namespaces"], _READ),
            _on(["", "events.k8s.io"], ["events"], _READ),
        ],
        "view",
    ),
    (
        "system:auth-delegator",
        [
            _on([AUTHENTICATION_GROUP], ["tokenreviews"], ["create"]),
            _on([AUTHORIZATION_GROUP], ["subjectaccessreviews"], ["create"]),
        ],
        "",
    ),
    (
        "system:basic-user",
        [
            _on([AUTHORIZATION_GROUP], ["selfsubjectaccessreviews", "selfsubjectrulesreviews"], ["create"]),
            _on([AUTHENTICATION_GROUP], ["selfsubjectreviews"], ["create"]),
        ],
        "",
    ),
    ("system:discovery", [_urls([*_DISCOVERY, "/version", "/version/"])], ""),
    ("system:monitoring", [_urls(["/healthz", "/healthz/*", "/livez", "/livez/*", "/metrics", "/readyz"])], ""),
    ("system:public-info-viewer", [_urls(_PUBLIC)], ""),
)

_BINDINGS = (
    ("cluster-admin", [SUPERUSERS]),
    ("system:basic-user", [AUTHENTICATED]),
    ("system:discovery", [AUTHENTICATED]),
    ("system:monitoring", ["system:monitoring"]),
    ("system:public-info-viewer", [AUTHENTICATED, UNAUTHENTICATED]),
)
