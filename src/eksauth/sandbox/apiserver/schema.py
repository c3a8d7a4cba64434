"""The types that the API server serves, read from lightkube's generated models, so that none of them is written twice.

A :class:`Field` says what JSON a field takes; :data:`MERGE_KEYS` adds what the models do not hold, the strategic merge
directives of https://kubernetes.io/docs/reference/generated/kubernetes-api/.
"""

from __future__ import annotations

import datetime as dt
import functools
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any

MERGE_KEYS: Mapping[tuple[str, str], str] = {
    ("Container", "env"): "name",
    ("Container", "ports"): "containerPort",
    ("Container", "volumeDevices"): "devicePath",
    ("Container", "volumeMounts"): "mountPath",
    ("ContainerStatus", "allocatedResourcesStatus"): "name",
    ("ContainerStatus", "volumeMounts"): "mountPath",
    ("EphemeralContainer", "env"): "name",
    ("EphemeralContainer", "ports"): "containerPort",
    ("EphemeralContainer", "volumeDevices"): "devicePath",
    ("EphemeralContainer", "volumeMounts"): "mountPath",
    ("NamespaceStatus", "conditions"): "type",
    ("NodeSpec", "podCIDRs"): "",
    ("NodeStatus", "addresses"): "type",
    ("NodeStatus", "conditions"): "type",
    ("ObjectMeta", "finalizers"): "",
    ("ObjectMeta", "ownerReferences"): "uid",
    ("PodSpec", "containers"): "name",
    ("PodSpec", "ephemeralContainers"): "name",
    ("PodSpec", "hostAliases"): "ip",
    ("PodSpec", "imagePullSecrets"): "name",
    ("PodSpec", "initContainers"): "name",
    ("PodSpec", "resourceClaims"): "name",
    ("PodSpec", "schedulingGates"): "name",
    ("PodSpec", "topologySpreadConstraints"): "topologyKey",
    ("PodSpec", "volumes"): "name",
    ("PodStatus", "conditions"): "type",
    ("PodStatus", "hostIPs"): "ip",
    ("PodStatus", "podIPs"): "ip",
    ("PodStatus", "resourceClaimStatuses"): "name",
    ("ServiceAccount", "secrets"): "name",
}
"""Lists that strategic merge patches merge: by the field named, or, when that is empty, as a set of plain values."""

RETAIN_KEYS = {("PodSpec", "volumes"), ("PodSpec", "resourceClaims"), ("PodStatus", "resourceClaimStatuses")}
"""Lists whose patches may carry ``$retainKeys``."""

_BYTE_MAPS = {("Secret", "data"), ("ConfigMap", "binaryData")}
_FREE_FORM = {("ManagedFieldsEntry", "fieldsV1")}
_LIST_MAPS = {("UserInfo", "extra"), ("SubjectAccessReviewSpec", "extra")}
_QUANTITY_MAPS = {"limits", "requests", "capacity", "allocatable", "allocatedResources", "overhead"}


@dataclass(frozen=True, slots=True)
class Field:
    """What one JSON value may be.

    ``kind`` is str, int, bool, float, time, bytes, quantity, any, list, map or struct; ``item`` describes the elements
    of lists and maps,
    ``struct`` is the model class of a struct. ``merge_key`` is None for lists that patches replace whole.
    """

    kind: str
    item: Field | None = None
    struct: type | None = None
    merge_key: str | None = None
    retain_keys: bool = False

    @property
    def go_type(self) -> str:
        """Return the type as Go prints it in decoding errors (only approximately the package)."""
        if self.item is not None:
            return f"[]{self.item.go_type}" if self.kind == "list" else f"map[string]{self.item.go_type}"
        if self.struct is not None:
            return f"v1.{self.struct.__name__}"
        return {"str": "string", "int": "int64", "float": "float64", "time": "string", "bytes": "[]uint8"}.get(
            self.kind, self.kind
        )


@functools.cache
def fields_of(model: type) -> Mapping[str, Field]:
    """Return the fields of a model class; none of the served types renames one."""
    hints = typing.get_type_hints(model)
    return {name: _field(hint, (model.__name__, name)) for name, hint in hints.items()}


def _field(hint: Any, owner: tuple[str, str]) -> Field:
    hint = _without_none(hint)
    if owner in _FREE_FORM:
        return Field("any")
    if typing.get_origin(hint) is list or hint is list:
        (inner,) = typing.get_args(hint) or (str,)
        return Field("list", _field(inner, ("", "")), None, MERGE_KEYS.get(owner), owner in RETAIN_KEYS)
    if hint is dict or typing.get_origin(hint) is dict:
        item = Field("bytes" if owner in _BYTE_MAPS else "quantity" if owner[1] in _QUANTITY_MAPS else "str")
        return Field("map", Field("list", item) if owner in _LIST_MAPS else item)
    if not isinstance(hint, type):
        return Field("any")  # a union such as the port number or name of a probe
    simple = {str: "str", bool: "bool", int: "int", float: "float", dt.datetime: "time"}
    if hint in simple:
        return Field(simple[hint])
    return Field("struct", struct=hint) if hint.__module__.startswith("lightkube.models.") else Field("any")


def _without_none(hint: Any) -> Any:
    if typing.get_origin(hint) in (typing.Union, UnionType):
        arms = [arm for arm in typing.get_args(hint) if arm is not NoneType]
        return arms[0] if len(arms) == 1 else Any
    return hint
