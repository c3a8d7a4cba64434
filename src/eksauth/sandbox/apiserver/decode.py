"""Decoding: JSON into the shape of a model class, as Go's JSON decoder and kube-apiserver's field validation do it.

Nulls vanish, unknown fields are reported and dropped, and a value of the wrong type is an error.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from eksauth.kube.text import quoted
from eksauth.sandbox.apiserver.schema import Field, fields_of

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_QUANTITY = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(([KMGTPE]i)|[numkMGTPE]|[eE][+-]?\d+)?")
_PYTHON_TO_JSON = ((bool, "bool"), (str, "string"), ((int, float), "number"), (list, "array"), (dict, "object"))


class DecodeError(ValueError):
    """A field holds a value of the wrong type; worded as Go's decoder words it."""


@dataclass(slots=True)
class Decoded:
    """A decoded object and the paths of the fields that nobody knows."""

    value: dict[str, Any]
    unknown: list[str] = field(default_factory=list)


def decode(model: type, value: Mapping[str, Any]) -> Decoded:
    """Return ``value`` with only the fields of ``model``, nulls removed.

    :raises DecodeError: when a known field has a value of the wrong type.
    """
    decoded = Decoded({})
    decoded.value = _struct(model, value, "", decoded.unknown)
    return decoded


def _struct(model: type, value: Mapping[str, Any], path: str, unknown: list[str]) -> dict[str, Any]:
    known = fields_of(model)
    result = {}
    for name, entry in value.items():
        where = f"{path}.{name}" if path else name
        if name not in known:
            unknown.append(f"unknown field {quoted(where)}")
        elif entry is not None:
            result[name] = _value(known[name], entry, where, model.__name__, unknown)
    return result


def _value(wanted: Field, value: Any, path: str, owner: str, unknown: list[str]) -> Any:
    if wanted.kind == "struct" and wanted.struct is not None and isinstance(value, dict):
        return _struct(wanted.struct, value, path, unknown)
    if wanted.kind == "list" and wanted.item is not None and isinstance(value, list):
        return [_element(wanted.item, entry, f"{path}[{index}]", owner, unknown) for index, entry in enumerate(value)]
    if wanted.kind == "map" and wanted.item is not None and isinstance(value, dict):
        return {key: _element(wanted.item, entry, path, owner, unknown) for key, entry in value.items()}
    if not _fits(wanted.kind, value):
        last = re.sub(r"\[\d+\]", "", path)
        raise DecodeError(
            f"json: cannot unmarshal {_json_kind(value)} into Go struct field {owner}.{last} of type {wanted.go_type}"
        )
    if wanted.kind == "bytes":
        return _canonical_base64(value)
    if wanted.kind == "time" and not _TIME.fullmatch(value):
        raise DecodeError(f"parsing time {quoted(json.dumps(value))}: cannot parse as RFC 3339")
    if wanted.kind == "quantity":
        if not _QUANTITY.fullmatch(str(value)):
            raise DecodeError(
                "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
            )
        return str(value)
    return value


def _element(wanted: Field, value: Any, path: str, owner: str, unknown: list[str]) -> Any:
    if value is None:  # Go decodes a null element as the zero value
        zeros: dict[str, Any] = {"str": "", "bytes": "", "bool": False, "int": 0, "float": 0.0, "list": []}
        return zeros.get(wanted.kind, {})
    return _value(wanted, value, path, owner, unknown)


def _fits(kind: str, value: Any) -> bool:
    if kind == "any":
        return True
    if kind in ("str", "time", "bytes"):
        return isinstance(value, str)
    if kind == "bool":
        return isinstance(value, bool)
    if kind == "int":
        return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63
    if kind == "float":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return kind == "quantity" and isinstance(value, int | float | str) and not isinstance(value, bool)


def _canonical_base64(text: str) -> str:
    try:
        return base64.b64encode(base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True)).decode()
    except (binascii.Error, ValueError):
        raise DecodeError("illegal base64 data") from None


def _json_kind(value: Any) -> str:
    for types, name in _PYTHON_TO_JSON:
        if isinstance(value, types):
            return f"number {value}" if name == "number" and isinstance(value, float) else name
    return "null"
