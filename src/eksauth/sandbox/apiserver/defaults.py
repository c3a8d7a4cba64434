"""What the server adds to an object that its writer left out."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from eksauth.kube.rbac import RBAC_GROUP

Draft = dict[str, Any]


def apply_defaults(kind: str, draft: Draft) -> None:
    """Fill in defaults, in place."""
    fill = _DEFAULTS.get(kind)
    if fill is not None:
        fill(draft)
    for name in ("labels", "annotations", "finalizers", "ownerReferences"):
        if draft["metadata"].get(name) in ({}, []):
            del draft["metadata"][name]
    for name in ("data", "binaryData", "subjects", "secrets", "imagePullSecrets"):
        if draft.get(name) in ({}, []):
            del draft[name]


def _namespace(draft: Draft) -> None:
    metadata = draft["metadata"]
    metadata["labels"] = {**(metadata.get("labels") or {}), "kubernetes.io/metadata.name": metadata["name"]}
    draft.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
    draft.setdefault("status", {}).setdefault("phase", "Active")


def _secret(draft: Draft) -> None:
    plain = draft.pop("stringData", None) or {}
    if plain:
        encoded = {key: base64.b64encode(value.encode("utf-8", "replace")).decode() for key, value in plain.items()}
        draft["data"] = {**(draft.get("data") or {}), **encoded}
    if not draft.get("type"):
        draft["type"] = "Opaque"


def _role(draft: Draft) -> None:
    draft.setdefault("rules", None)


def _binding(draft: Draft) -> None:
    reference = draft.setdefault("roleRef", {})
    for name, value in (("apiGroup", RBAC_GROUP), ("kind", ""), ("name", "")):
        if not reference.get(name):
            reference[name] = value
    for subject in draft.get("subjects") or ():
        if subject.get("kind") in ("User", "Group") and not subject.get("apiGroup"):
            subject["apiGroup"] = RBAC_GROUP


def _pod(draft: Draft) -> None:
    spec = draft.setdefault("spec", {})
    account = spec.get("serviceAccountName") or spec.get("serviceAccount") or "default"
    spec["serviceAccountName"] = spec["serviceAccount"] = account
    for name, value in (
        ("restartPolicy", "Always"),
        ("dnsPolicy", "ClusterFirst"),
        ("schedulerName", "default-scheduler"),
        ("terminationGracePeriodSeconds", 30),
        ("enableServiceLinks", True),
    ):
        spec.setdefault(name, value)
    spec.setdefault("securityContext", {})
    for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
        image = container.get("image", "")
        tag = image.rpartition("/")[2].partition(":")[2]
        latest = "@" not in image and tag in ("", "latest")
        container.setdefault("imagePullPolicy", "Always" if latest else "IfNotPresent")
        container.setdefault("resources", {})
        container.setdefault("terminationMessagePath", "/dev/termination-log")
        container.setdefault("terminationMessagePolicy", "File")
        for port in container.get("ports") or ():
            port.setdefault("protocol", "TCP")
    status = draft.setdefault("status", {})
    status.setdefault("phase", "Pending")
    status.setdefault("qosClass", "BestEffort")


def _node(draft: Draft) -> None:
    draft.setdefault("spec", {})
    draft.setdefault("status", {})


_DEFAULTS: dict[str, Callable[[Draft], None]] = {
    "Namespace": _namespace,
    "Secret": _secret,
    "Role": _role,
    "ClusterRole": _role,
    "RoleBinding": _binding,
    "ClusterRoleBinding": _binding,
    "Pod": _pod,
    "Node": _node,
}
