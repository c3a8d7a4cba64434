"""Objects as tables, which is what ``kubectl get`` prints; columns as kube-apiserver has them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eksauth.sandbox.apiserver.resources import Resource

Object = Mapping[str, Any]
_UNKNOWN = "<unknown>"
_NONE = "<none>"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: ``cell`` gets the object and the time now (epoch seconds); wide ones show with ``-o wide`` only."""

    name: str
    cell: Callable[[Object, float], Any]
    wide: bool = False


def table(resource: Resource, values: Iterable[Object], *, version: str, now: float, include: str) -> dict[str, Any]:
    """Return a Table of objects.

    :param include: what each row carries: ``Metadata``, ``Object`` or ``None``.
    """
    columns = _COLUMNS.get(resource.kind, _PLAIN)
    rows = [
        {"cells": [column.cell(value, now) for column in columns], **_row_object(value, version, include)}
        for value in values
    ]
    definitions = [
        {
            "name": column.name,
            "type": "string" if column.name != "Data" else "integer",
            "format": "name" if column.name == "Name" else "",
            "description": "",
            "priority": int(column.wide),
        }
        for column in columns
    ]
    return {
        "kind": "Table",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": {},
        "columnDefinitions": definitions,
        "rows": rows,
    }


def metadata_only(value: Object, version: str) -> dict[str, Any]:
    """Return an object's PartialObjectMetadata."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": value["metadata"],
    }


def human_duration(seconds: float) -> str:
    """Return an age as kubectl prints it: the largest one or two units."""
    if seconds < -1:
        return "<invalid>"
    total = max(int(seconds), 0)
    minutes, hours, days = total // 60, total // 3600, total // 86400
    if total < 120:
        return f"{total}s"
    if minutes < 10:
        return _two(minutes, "m", total % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return _two(days, "d", hours % 24, "h")
    if days < 730:
        return f"{days}d"
    if days < 365 * 8:
        return _two(days // 365, "y", days % 365, "d")
    return f"{days // 365}y"


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}{small}{small_unit}" if small else f"{large}{large_unit}"


def _row_object(value: Object, version: str, include: str) -> dict[str, Any]:
    if include == "None":
        return {}
    return {"object": value if include == "Object" else metadata_only(value, version)}


def _name(value: Object, _now: float) -> str:
    return str(value["metadata"]["name"])


def _since(text: str | None, now: float) -> str:
    if not text:
        return _UNKNOWN
    return human_duration(now - dt.datetime.fromisoformat(text).timestamp())


def _age(value: Object, now: float) -> str:
    return _since(value["metadata"].get("creationTimestamp"), now)


def _created(value: Object, _now: float) -> str:
    return str(value["metadata"].get("creationTimestamp", _UNKNOWN))


def _data(value: Object, _now: float) -> int:
    return len(value.get("data") or {}) + len(value.get("binaryData") or {})


def _at(*path: str, missing: str = "") -> Callable[[Object, float], str]:
    def cell(value: Object, _now: float) -> str:
        found: Any = value
        for step in path:
            found = found.get(step) if isinstance(found, Mapping) else None
        return missing if found in (None, "") else str(found)

    return cell


def _ready(value: Object, _now: float) -> str:
    statuses = (value.get("status") or {}).get("containerStatuses") or ()
    ready = sum(bool(status.get("ready")) for status in statuses)
    return f"{ready}/{len((value.get('spec') or {}).get('containers') or ())}"


def _pod_status(value: Object, _now: float) -> str:
    if value["metadata"].get("deletionTimestamp"):
        return "Terminating"
    status = value.get("status") or {}
    return str(status.get("reason") or status.get("phase") or "")


def _restarts(value: Object, _now: float) -> str:
    statuses = (value.get("status") or {}).get("containerStatuses") or ()
    return str(sum(int(status.get("restartCount", 0)) for status in statuses))


def _node_status(value: Object, _now: float) -> str:
    conditions = (value.get("status") or {}).get("conditions") or ()
    ready = next((entry.get("status") for entry in conditions if entry.get("type") == "Ready"), None)
    text = {"True": "Ready", None: "Unknown"}.get(ready, "NotReady")
    return f"{text},SchedulingDisabled" if (value.get("spec") or {}).get("unschedulable") else text


def _node_roles(value: Object, _now: float) -> str:
    prefix = "node-role.kubernetes.io/"
    labels = value["metadata"].get("labels") or {}
    return ",".join(sorted(key.removeprefix(prefix) for key in labels if key.startswith(prefix))) or _NONE


def _node_address(kind: str) -> Callable[[Object, float], str]:
    def cell(value: Object, _now: float) -> str:
        addresses = (value.get("status") or {}).get("addresses") or ()
        return next((str(entry.get("address")) for entry in addresses if entry.get("type") == kind), _NONE)

    return cell


def _role_reference(value: Object, _now: float) -> str:
    return f"{value['roleRef'].get('kind', '')}/{value['roleRef'].get('name', '')}"


def _subjects(kind: str) -> Callable[[Object, float], str]:
    def cell(value: Object, _now: float) -> str:
        chosen = [subject for subject in value.get("subjects") or () if subject.get("kind") == kind]
        if kind == "ServiceAccount":
            return ", ".join(f"{subject.get('namespace', '')}/{subject.get('name', '')}" for subject in chosen)
        return ", ".join(str(subject.get("name", "")) for subject in chosen)

    return cell


def _event_object(value: Object, _now: float) -> str:
    involved = value.get("involvedObject") or {}
    return f"{str(involved.get('kind', '')).lower()}/{involved.get('name', '')}"


def _event_time(name: str) -> Callable[[Object, float], str]:
    return lambda value, now: _since(value.get(name) or value.get("eventTime"), now)


_NAME = Column("Name", _name)
_AGE = Column("Age", _age)
_PLAIN = (_NAME, _AGE)
_BINDING = (
    _NAME,
    Column("Role", _role_reference),
    _AGE,
    Column("Users", _subjects("User"), wide=True),
    Column("Groups", _subjects("Group"), wide=True),
    Column("ServiceAccounts", _subjects("ServiceAccount"), wide=True),
)
_ROLE = (_NAME, Column("Created At", _created))
_INFO = ("status", "nodeInfo")

_COLUMNS: Mapping[str, Sequence[Column]] = {
    "ConfigMap": (_NAME, Column("Data", _data), _AGE),
    "Secret": (_NAME, Column("Type", _at("type")), Column("Data", _data), _AGE),
    "Namespace": (_NAME, Column("Status", _at("status", "phase")), _AGE),
    "ServiceAccount": _PLAIN,
    "Pod": (
        _NAME,
        Column("Ready", _ready),
        Column("Status", _pod_status),
        Column("Restarts", _restarts),
        _AGE,
        Column("IP", _at("status", "podIP", missing=_NONE), wide=True),
        Column("Node", _at("spec", "nodeName", missing=_NONE), wide=True),
        Column("Nominated Node", _at("status", "nominatedNodeName", missing=_NONE), wide=True),
        Column("Readiness Gates", lambda _value, _now: _NONE, wide=True),
    ),
    "Node": (
        _NAME,
        Column("Status", _node_status),
        Column("Roles", _node_roles),
        _AGE,
        Column("Version", _at(*_INFO, "kubeletVersion")),
        Column("Internal-IP", _node_address("InternalIP"), wide=True),
        Column("External-IP", _node_address("ExternalIP"), wide=True),
        Column("OS-Image", _at(*_INFO, "osImage", missing=_UNKNOWN), wide=True),
        Column("Kernel-Version", _at(*_INFO, "kernelVersion", missing=_UNKNOWN), wide=True),
        Column("Container-Runtime", _at(*_INFO, "containerRuntimeVersion", missing=_UNKNOWN), wide=True),
    ),
    "Event": (
        Column("Last Seen", _event_time("lastTimestamp")),
        Column("Type", _at("type")),
        Column("Reason", _at("reason")),
        Column("Object", _event_object),
        Column("Subobject", _at("involvedObject", "fieldPath"), wide=True),
        Column("Source", _at("source", "component"), wide=True),
        Column("Message", _at("message")),
        Column("First Seen", _event_time("firstTimestamp"), wide=True),
        Column("Count", _at("count", missing="1"), wide=True),
        Column("Name", _name, wide=True),
    ),
    "Role": _ROLE,
    "ClusterRole": _ROLE,
    "RoleBinding": _BINDING,
    "ClusterRoleBinding": _BINDING,
}
