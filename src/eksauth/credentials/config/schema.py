"""The configuration as a JSON Schema (2020-12), made from the tables that the reader itself goes by."""

from __future__ import annotations

from typing import Any

from eksauth.credentials.config import kinds
from eksauth.credentials.config.identity_keys import IDENTITIES
from eksauth.credentials.config.keys import Anything, Command, Either, Key, Listing, Section, Shape, Table, Variables
from eksauth.credentials.config.provider_keys import PROVIDERS
from eksauth.credentials.config.settings_keys import AUTH, GUARD, INTEGRATION
from eksauth.credentials.config.shapes import REGION, ROLE_ARN, VARIABLE, Account, Duration, Flag, Text, Url

Schema = dict[str, Any]
_NAME: Schema = {"type": "string", "pattern": r"^\S(.{0,254}\S)?$"}
_EMPTY: Schema = {"$ref": "#/$defs/nothing"}
_SHARED: dict[str, Shape] = {
    "text": Text(),
    "region": REGION,
    "flag": Flag(),
    "duration": Duration(),
    "address": Url(),
    "account": Account(),
    "role": ROLE_ARN,
    "list": Listing(),
    "command": Command(),
    "variables": Variables(),
}
"""Shapes that occur often, by the name of their definition."""


def json_schema() -> Schema:
    """Return the schema of ``eksauth.yaml``.

    It knows keys, kinds and the shape of values; what ties items together (names, circles, defaults) only
    ``config validate`` knows. An editor has to be told that ``!env`` is a tag.
    """
    auth = _section(AUTH)
    items = {
        "providers": "provider",
        "identities": "identity",
        "integrations": "integration",
        "guards": "guard",
    }
    for name, definition in items.items():
        auth["properties"][name] = {
            "description": auth["properties"][name]["description"],
            "type": ["object", "null"],
            "propertyNames": _NAME,
            "additionalProperties": {"$ref": f"#/$defs/{definition}"},
        }
    identities = {written: IDENTITIES[kind] for written, kind in kinds.IDENTITY_KINDS.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "eksauth.yaml",
        "description": "Providers to sign in to, identities to be, and clusters to reach as them",
        "type": ["object", "null"],
        "properties": {"auth": {"description": "Identities", **_nullable(auth)}},
        "patternProperties": {"^x-": {"description": "Anything, for anchors"}},
        "additionalProperties": False,
        "$defs": {
            "nothing": {"description": "As if the key were not there", "enum": [None, ""]},
            **{name: _spelled(shape) for name, shape in _SHARED.items()},
            "provider": _by_kind({**PROVIDERS}),
            "identity": _by_kind(identities),
            "integration": _by_kind({kinds.INTEGRATION_KIND: INTEGRATION}),
            "guard": _section(GUARD),
        },
    }


def _by_kind(sections: dict[str, Section]) -> Schema:
    """Return a schema that looks at ``kind`` first; kinds that are left to Atmos may have any keys."""
    return {
        "type": "object",
        "required": ["kind"],
        "properties": {
            "kind": {
                "description": "What kind this is",
                "anyOf": [{"enum": list(sections)}, {"type": "string", "pattern": kinds.FOREIGN_PATTERN}],
            }
        },
        "allOf": [
            {
                "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
                "then": _section(section, kind),
            }
            for kind, section in sections.items()
        ],
    }


def _section(section: Section, kind: str | None = None) -> Schema:
    properties = {key.name: _key(key) for key in section.keys}
    if kind is not None:
        properties["kind"] = {"const": kind}
    required = [key.name for key in section.keys if key.required]
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        **({"required": required} if required else {}),
    }


def _key(key: Key) -> Schema:
    schema = _shape(key.shape)
    if not key.required:
        if schema.get("type") == "object":
            schema = _nullable(schema)
        else:  # the empty text is nothing only where a text may stand
            schema = _or_empty(schema, {"type": "null"} if isinstance(key.shape, Variables) else _EMPTY)
    about = key.about + (f" (default: {key.default})" if key.default else "")
    if key.unused is not None:
        about += f". Not used: {key.unused}"
    return {"description": about, **schema, **({"deprecated": True} if key.unused is not None else {})}


def _nullable(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


def _or_empty(schema: Schema, empty: Schema = _EMPTY) -> Schema:
    """Allow null, and by default the empty text too: they mean that the key is not there."""
    if not schema:
        return {}
    ways = schema["anyOf"] if set(schema) == {"anyOf"} else [schema]
    return {"anyOf": [*ways, empty]}


def _shape(shape: Shape) -> Schema:
    for name, shared in _SHARED.items():
        # how long a duration may be is no matter of its spelling
        if shape == shared or (isinstance(shape, Duration) and isinstance(shared, Duration)):
            return {"$ref": f"#/$defs/{name}"}
    return _spelled(shape)


def _spelled(shape: Shape) -> Schema:
    match shape:
        case Section():
            return _section(shape)
        case Either():
            return {"anyOf": [_shape(shape.scalar), _section(shape.section)]}
        case Listing():
            item = _shape(shape.item)
            return {"anyOf": [item, {"type": "array", "items": _or_empty(item)}]}
        case Command():
            text = _shape(Text())
            return {"anyOf": [text, {"type": "array", "items": _or_empty(text)}]}
        case Table():
            return {"type": "object", "additionalProperties": _or_empty(_shape(shape.item))}
        case Variables():
            value = _or_empty(Text(lines=True).schema())
            pair = {
                "type": "object",
                "properties": {"key": VARIABLE.schema(), "value": value},
                "required": ["key"],
                "additionalProperties": False,
            }
            names = VARIABLE.schema()
            mapping = {"type": "object", "propertyNames": names, "additionalProperties": value}
            return {"anyOf": [{"type": "array", "items": pair}, mapping]}
        case Anything():
            return {}
        case _:
            return shape.schema()
