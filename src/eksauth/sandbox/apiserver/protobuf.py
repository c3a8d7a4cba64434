"""Kubernetes' protobuf bodies, which kubectl since 1.32 sends when it creates objects; read only, answers are JSON.

Encoding: https://kubernetes.io/docs/reference/using-api/api-concepts/#kubernetes-protobuf-encoding. The types of fields
come from the models; what is written here are the field numbers, for the messages that kubectl sends.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from eksauth.sandbox.apiserver.schema import Field, fields_of

PROTOBUF = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"
_MAX_DEPTH = 50

_NUMBERS: Mapping[str, str] = {
    "AggregationRule": "clusterRoleSelectors=1",
    "ClusterRole": "metadata=1 rules=2 aggregationRule=3",
    "ClusterRoleBinding": "metadata=1 subjects=2 roleRef=3",
    "ConfigMap": "metadata=1 data=2 binaryData=3 immutable=4",
    "DeleteOptions": "gracePeriodSeconds=1 preconditions=2 orphanDependents=3 propagationPolicy=4 dryRun=5",
    "FieldSelectorAttributes": "rawSelector=1 requirements=2",
    "LabelSelector": "matchLabels=1 matchExpressions=2",
    "LabelSelectorAttributes": "rawSelector=1 requirements=2",
    "LabelSelectorRequirement": "key=1 operator=2 values=3",
    "LocalObjectReference": "name=1",
    "LocalSubjectAccessReview": "metadata=1 spec=2",
    "ManagedFieldsEntry": "manager=1 operation=2 apiVersion=3 time=4 fieldsType=6 fieldsV1=7 subresource=8",
    "Namespace": "metadata=1 spec=2 status=3",
    "NamespaceSpec": "finalizers=1",
    "NamespaceStatus": "phase=1",
    "NonResourceAttributes": "path=1 verb=2",
    "ObjectMeta": (
        "name=1 generateName=2 namespace=3 selfLink=4 uid=5 resourceVersion=6 generation=7 creationTimestamp=8 "
        "deletionTimestamp=9 deletionGracePeriodSeconds=10 labels=11 annotations=12 ownerReferences=13 finalizers=14 "
        "managedFields=17"
    ),
    "ObjectReference": "kind=1 namespace=2 name=3 uid=4 apiVersion=5 resourceVersion=6 fieldPath=7",
    "OwnerReference": "kind=1 name=3 uid=4 apiVersion=5 controller=6 blockOwnerDeletion=7",
    "PolicyRule": "verbs=1 apiGroups=2 resources=3 resourceNames=4 nonResourceURLs=5",
    "Preconditions": "uid=1 resourceVersion=2",
    "ResourceAttributes": (
        "namespace=1 verb=2 group=3 version=4 resource=5 subresource=6 name=7 fieldSelector=8 labelSelector=9"
    ),
    "Role": "metadata=1 rules=2",
    "RoleBinding": "metadata=1 subjects=2 roleRef=3",
    "RoleRef": "apiGroup=1 kind=2 name=3",
    "Secret": "metadata=1 data=2 type=3 stringData=4 immutable=5",
    "SelfSubjectAccessReview": "metadata=1 spec=2",
    "SelfSubjectAccessReviewSpec": "resourceAttributes=1 nonResourceAttributes=2",
    "SelfSubjectReview": "metadata=1",
    "SelfSubjectRulesReview": "metadata=1 spec=2",
    "SelfSubjectRulesReviewSpec": "namespace=1",
    "ServiceAccount": "metadata=1 secrets=2 imagePullSecrets=3 automountServiceAccountToken=4",
    "Subject": "kind=1 apiGroup=2 name=3 namespace=4",
    "SubjectAccessReview": "metadata=1 spec=2",
    "SubjectAccessReviewSpec": "resourceAttributes=1 nonResourceAttributes=2 user=3 groups=4 extra=5 uid=6",
    "TokenReview": "metadata=1 spec=2",
    "TokenReviewSpec": "token=1 audiences=2",
}
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_NOT_POINTERS = {"generation": 0}


class ProtobufError(ValueError):
    """The body is no Kubernetes protobuf, or of a message that is not read here."""


def readable(model: type) -> bool:
    """Tell whether bodies of this type are read."""
    return model.__name__ in _NUMBERS


def parse_protobuf(data: bytes, model: type) -> dict[str, Any]:
    """Return the object that a body holds, as JSON values with its kind and version.

    :raises ProtobufError: when it is malformed, or not of a message in the table.
    """
    if not data.startswith(_MAGIC):
        raise ProtobufError("the body lacks the Kubernetes protobuf prefix")
    envelope = dict(_fields(data[len(_MAGIC) :]))
    kind = dict(_fields(_bytes(envelope.get(1, b""))))
    result = _message(model, _bytes(envelope.get(2, b"")), 0)
    for number, name in ((1, "apiVersion"), (2, "kind")):
        text = _text(kind.get(number, b""))
        if text:
            result[name] = text
    return result


def _message(model: type, data: bytes, depth: int) -> dict[str, Any]:
    if depth > _MAX_DEPTH:
        raise ProtobufError("the message is nested too deeply")
    names = _names(model)
    known = fields_of(model)
    result: dict[str, Any] = {}
    for number, raw in _fields(data):
        name = names.get(number)
        if name is None or name not in known:
            continue  # newer fields are skipped, as protobuf readers do
        field = known[name]
        if field.kind == "list" and field.item is not None:
            result.setdefault(name, []).append(_value(field.item, raw, depth))
        elif field.kind == "map" and field.item is not None:
            entry = dict(_fields(_bytes(raw)))
            inner = entry.get(2, b"")
            result.setdefault(name, {})[_text(entry.get(1, b""))] = _value(field.item, inner, depth)
        else:
            result[name] = _value(field, raw, depth)
    # Go writes fields that are no pointers even when they are empty
    return {
        name: value for name, value in result.items() if value not in ("", None) and _NOT_POINTERS.get(name) != value
    }


def _value(field: Field, raw: int | bytes, depth: int) -> Any:
    if field.struct is not None:
        return _message(field.struct, _bytes(raw), depth + 1)
    if field.kind == "list" and field.item is not None:  # only the values of ``extra``: a message around a list
        return [_value(field.item, item, depth) for number, item in _fields(_bytes(raw)) if number == 1]
    if field.kind == "time":
        seconds = dict(_fields(_bytes(raw))).get(1, 0)
        if not isinstance(seconds, int) or seconds == 0 or seconds >= 1 << 62:
            return None
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(min(seconds, 253402300799)))
    if field.kind == "bool":
        return bool(_integer(raw))
    if field.kind == "int":
        value = _integer(raw)
        return value - (1 << 64) if value >= 1 << 63 else value
    if field.kind == "bytes":
        return base64.b64encode(_bytes(raw)).decode()
    if field.kind == "any":  # FieldsV1: JSON text in a message of its own
        try:
            return json.loads(_bytes(dict(_fields(_bytes(raw))).get(1, b"{}")))
        except ValueError:
            return None
    return _text(raw)


def _names(model: type) -> dict[int, str]:
    try:
        pairs = (entry.partition("=") for entry in _NUMBERS[model.__name__].split())
    except KeyError:
        raise ProtobufError(f"{model.__name__} is not read in protobuf") from None
    return {int(number): name for name, _equals, number in pairs}


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if wire == _BYTES:
            size, at = _varint(data, at)
        else:
            size = {_FIXED64: 8, _FIXED32: 4}.get(wire, -1)
        if size < 0 or at + size > len(data):
            raise ProtobufError("the message is cut off or malformed")
        yield number, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ProtobufError("the message is cut off or malformed")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
    raise ProtobufError("the message holds an overlong number")


def _bytes(raw: int | bytes) -> bytes:
    if isinstance(raw, int):
        raise ProtobufError("a field has another type than expected")
    return raw


def _integer(raw: int | bytes) -> int:
    if isinstance(raw, bytes):
        raise ProtobufError("a field has another type than expected")
    return raw


def _text(raw: int | bytes) -> str:
    try:
        return _bytes(raw).decode()
    except UnicodeDecodeError:
        raise ProtobufError("a text is not UTF-8") from None
