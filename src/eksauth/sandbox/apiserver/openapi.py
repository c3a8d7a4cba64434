"""OpenAPI documents, generated from the models: kubectl reads them to explain, validate and merge.

Version 3 is complete for the types served. Version 2 is an empty document: clients that still ask for it (in protobuf)
then fall back to the types they were built with.
"""

from __future__ import annotations

import functools
import hashlib
import json
from typing import Any

from eksauth.sandbox.apiserver.resources import GROUPS, RESOURCES, Resource
from eksauth.sandbox.apiserver.schema import Field, fields_of

_INFO = {"title": "Kubernetes", "version": "unversioned"}
_FORMATS: dict[str, dict[str, str]] = {
    "str": {"type": "string"},
    "bool": {"type": "boolean"},
    "int": {"type": "integer", "format": "int64"},
    "float": {"type": "number", "format": "double"},
    "time": {"type": "string", "format": "date-time"},
    "bytes": {"type": "string", "format": "byte"},
    "quantity": {"type": "string"},
    "any": {"x-kubernetes-preserve-unknown-fields": "true"},
}
V2_PROTOBUF = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"  # asked for with an @, which no parser takes
V2_EMPTY = {"swagger": "2.0", "info": _INFO, "paths": {}}


def v2_protobuf() -> bytes:
    """Return the empty version 2 document in the protobuf form of gnostic: swagger is field 1, info 2, paths 8."""
    info = _text(1, _INFO["title"]) + _text(2, _INFO["version"])
    return _text(1, "2.0") + _blob(2, info) + _blob(8, b"")


def _text(number: int, value: str) -> bytes:
    return _blob(number, value.encode())


def _blob(number: int, value: bytes) -> bytes:
    return bytes([number << 3 | 2, len(value)]) + value


def index() -> dict[str, Any]:
    """Return what ``/openapi/v3`` lists: a URL for each group version, which changes with the document."""
    paths = {}
    for group, version in _served():
        path = f"apis/{group}/{version}" if group else f"api/{version}"
        digest = hashlib.sha256(document(group, version)).hexdigest().upper()
        paths[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={digest}"}
    return {"paths": paths}


@functools.cache
def document(group: str, version: str) -> bytes:
    """Return the version 3 document of one group version.

    :raises KeyError: when it is not served.
    """
    if (group, version) not in _served():
        raise KeyError(group)
    schemas: dict[str, Any] = {}
    paths: dict[str, Any] = {}
    for resource in RESOURCES:
        if resource.group == group and version == "v1":
            _add_schema(resource.model, schemas)
            schemas[_name(resource.model)]["x-kubernetes-group-version-kind"] = [_kind(resource)]
            paths |= _paths(resource)
    whole = {"openapi": "3.0.0", "info": _INFO, "paths": paths, "components": {"schemas": schemas}}
    return json.dumps(whole, separators=(",", ":")).encode()


def _served() -> list[tuple[str, str]]:
    return [("", "v1"), *((group, version) for group in sorted(GROUPS) for version in GROUPS[group])]


def _kind(resource: Resource) -> dict[str, str]:
    return {"group": resource.group, "version": "v1", "kind": resource.kind}


def _paths(resource: Resource) -> dict[str, Any]:
    root = f"/apis/{resource.group}/v1" if resource.group else "/api/v1"
    if resource.namespaced:
        root += "/namespaces/{namespace}"
    return {
        f"{root}/{resource.plural}": {"get": _operation(resource, "list"), "post": _operation(resource, "post")},
        f"{root}/{resource.plural}/{{name}}": {
            "get": _operation(resource, "get"),
            "put": _operation(resource, "put"),
            "patch": _operation(resource, "patch"),
            "delete": _operation(resource, "delete"),
        },
    }


def _operation(resource: Resource, action: str) -> dict[str, Any]:
    reference = {"$ref": f"#/components/schemas/{_name(resource.model)}"}
    operation: dict[str, Any] = {
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": _kind(resource),
        "responses": {"200": {"description": "OK", "content": {"application/json": {"schema": reference}}}},
    }
    if action in ("post", "put", "patch"):
        operation["parameters"] = [
            {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
            for name in ("dryRun", "fieldManager", "fieldValidation")
        ]
        body = {"type": "object"} if action == "patch" else reference
        operation["requestBody"] = {"content": {"application/json": {"schema": body}}}
    return operation


def _add_schema(model: type, schemas: dict[str, Any]) -> None:
    if _name(model) in schemas:
        return
    properties: dict[str, Any] = {}
    schemas[_name(model)] = {"type": "object", "properties": properties}
    for name, field in fields_of(model).items():
        properties[name] = _property(field, schemas)


def _property(field: Field, schemas: dict[str, Any]) -> dict[str, Any]:
    if field.struct is not None:
        _add_schema(field.struct, schemas)
        return {"allOf": [{"$ref": f"#/components/schemas/{_name(field.struct)}"}], "default": {}}
    if field.item is None:
        return dict(_FORMATS[field.kind])
    inner = _property(field.item, schemas)
    if field.kind == "map":
        return {"type": "object", "additionalProperties": inner}
    schema: dict[str, Any] = {"type": "array", "items": inner}
    if field.merge_key is not None:
        schema["x-kubernetes-patch-strategy"] = "merge,retainKeys" if field.retain_keys else "merge"
        if field.merge_key:
            schema["x-kubernetes-patch-merge-key"] = field.merge_key
            schema["x-kubernetes-list-type"] = "map"
            schema["x-kubernetes-list-map-keys"] = [field.merge_key]
    return schema


def _name(model: type) -> str:
    package, _underscore, version = model.__module__.rpartition(".")[2].partition("_")
    return f"io.k8s.api.{package}.{version}.{model.__name__}"
