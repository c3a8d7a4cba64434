"""What makes an object acceptable: its metadata and the rules of its type; the answers are those of kube-apiserver."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from eksauth.sandbox.apiserver.causes import duplicate, not_allowed, required, too_long, wrong
from eksauth.sandbox.apiserver.names import config_key_problems, key_problems, label_value_problems, name_problems
from eksauth.sandbox.apiserver.resources import Resource
from eksauth.sandbox.apiserver.status import Cause
from eksauth.sandbox.apiserver.validation_rbac import RULES as RBAC_RULES

_ROLE_REF = {"APIGroup": "apiGroup", "Kind": "kind", "Name": "name"}
_MAX_ANNOTATIONS = 256 * 1024
_MAX_SECRET = 1024 * 1024


def validate(resource: Resource, value: Mapping[str, Any]) -> list[Cause]:
    """Return everything wrong with an object that is about to be stored."""
    causes = _metadata(resource, value["metadata"])
    rules = _RULES.get(resource.kind)
    return causes + (rules(value) if rules else [])


def validate_update(resource: Resource, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Cause]:
    """Return everything wrong with changing ``old`` into ``new``."""
    causes = validate(resource, new)
    immutable = "field is immutable"
    if "roleRef" in old and old["roleRef"] != new.get("roleRef"):
        given = new.get("roleRef") or {}
        shown = {field: given.get(name, "") for field, name in _ROLE_REF.items()}  # as the Go struct prints
        causes.append(wrong("roleRef", shown, "cannot change roleRef"))
    if resource.kind == "Secret" and old.get("type") != new.get("type"):
        causes.append(wrong("type", new.get("type"), immutable))
    if resource.kind in ("Secret", "ConfigMap") and old.get("immutable"):
        frozen = "field is immutable when `immutable` is set"
        for name in ("immutable", "data", "binaryData"):
            if (old.get(name) or None) != (new.get(name) or None):
                causes.append(not_allowed(name, frozen))
    if old["metadata"].get("deletionTimestamp"):
        added = [
            name
            for name in new["metadata"].get("finalizers") or ()
            if name not in (old["metadata"].get("finalizers") or ())
        ]
        if added:
            text = "no new finalizers can be added if the object is being deleted, found new finalizers "
            causes.append(not_allowed("metadata.finalizers", text + json.dumps(added)))
    return causes


def _metadata(resource: Resource, metadata: Mapping[str, Any]) -> list[Cause]:
    causes = [
        wrong("metadata.name", metadata["name"], text) for text in name_problems(metadata["name"], resource.name_rule)
    ]
    for key, value in sorted((metadata.get("labels") or {}).items()):
        causes += [wrong("metadata.labels", key, text) for text in key_problems(key)]
        causes += [wrong("metadata.labels", value, text) for text in label_value_problems(value)]
    annotations = metadata.get("annotations") or {}
    for key in sorted(annotations):
        causes += [wrong("metadata.annotations", key, text) for text in key_problems(key.lower())]
    if sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items()) > _MAX_ANNOTATIONS:
        causes.append(too_long("metadata.annotations", _MAX_ANNOTATIONS))
    for index, owner in enumerate(metadata.get("ownerReferences") or ()):
        for name in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(name):
                causes.append(wrong(f"metadata.ownerReferences[{index}].{name}", "", f"{name} must not be empty"))
    for index, finalizer in enumerate(metadata.get("finalizers") or ()):
        path = f"metadata.finalizers[{index}]"
        causes += [wrong(path, finalizer, text) for text in key_problems(finalizer)]
        if "/" not in finalizer and finalizer not in ("kubernetes", "orphan", "foregroundDeletion"):
            text = "name is neither a standard finalizer name nor is it fully qualified"
            causes.append(wrong(path, finalizer, text))
    return causes


def _config_map(value: Mapping[str, Any]) -> list[Cause]:
    causes = _keyed_data(value, ("data", "binaryData"))
    for key in sorted((value.get("data") or {}).keys() & (value.get("binaryData") or {}).keys()):
        causes.append(wrong(f"data[{key}]", key, "duplicate of key present in binaryData"))
    return causes


def _keyed_data(value: Mapping[str, Any], names: tuple[str, ...]) -> list[Cause]:
    causes = []
    total = 0
    for name in names:
        for key, entry in sorted((value.get(name) or {}).items()):
            total += len(entry.encode("utf-8", "surrogatepass"))
            causes += [wrong(f"{name}[{key}]", key, text) for text in config_key_problems(key)]
    if total > _MAX_SECRET * (4 / 3 if names == ("data",) else 1):
        causes.append(too_long(names[0] if names == ("data",) else "", _MAX_SECRET))
    return causes


_SECRET_KEYS = {
    "kubernetes.io/basic-auth": (),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
}


def _secret(value: Mapping[str, Any]) -> list[Cause]:
    causes = _keyed_data(value, ("data",))
    data = value.get("data") or {}
    kind = value.get("type", "")
    causes += [required(f"data[{key}]") for key in _SECRET_KEYS.get(kind, ()) if key not in data]
    if kind == "kubernetes.io/basic-auth" and not {"username", "password"} & data.keys():
        causes += [required("data[username]"), required("data[password]")]
    if kind == "kubernetes.io/service-account-token":
        annotations = value["metadata"].get("annotations") or {}
        if not annotations.get("kubernetes.io/service-account.name"):
            causes.append(required("metadata.annotations[kubernetes.io/service-account.name]"))
    return causes


def _pod(value: Mapping[str, Any]) -> list[Cause]:
    spec = value.get("spec") or {}
    containers = spec.get("containers") or []
    causes = [] if containers else [required("spec.containers")]
    seen: set[str] = set()
    for index, container in enumerate(containers):
        path = f"spec.containers[{index}]"
        name = container.get("name", "")
        if not name:
            causes.append(required(f"{path}.name"))
        else:
            causes += [wrong(f"{path}.name", name, text) for text in name_problems(name, "label")]
            if name in seen:
                causes.append(duplicate(f"{path}.name", name))
            seen.add(name)
        if not container.get("image"):
            causes.append(required(f"{path}.image"))
    return causes


def _event(value: Mapping[str, Any]) -> list[Cause]:
    involved = (value.get("involvedObject") or {}).get("namespace", "")
    namespace = value["metadata"].get("namespace", "")
    if involved != namespace and not (not involved and namespace in ("default", "kube-system")):
        return [wrong("involvedObject.namespace", involved, "does not match event.namespace")]
    return []


_RULES: dict[str, Callable[[Mapping[str, Any]], list[Cause]]] = {
    "ConfigMap": _config_map,
    "Secret": _secret,
    "Pod": _pod,
    "Event": _event,
    **RBAC_RULES,
}
