"""From request bytes to JSON values, without letting hostile bodies hurt: depth, aliases and numbers are bounded."""

from __future__ import annotations

import json
from typing import Any

import yaml

MAX_DEPTH = 200
"""Deeper nesting is refused; no Kubernetes object comes near it, and recursion stays far from Python's limit."""


class BodyError(ValueError):
    """The body is not what its content type says."""


def parse_json(data: bytes) -> Any:
    """Parse one JSON text.

    :raises BodyError: when it is malformed, not UTF-8, too deep, or holds NaN or Infinity; worded after Go's decoder
        where clients may show it.
    """
    if not data.strip():
        raise BodyError("unexpected end of JSON input")
    _check_depth(data)
    try:
        return json.loads(data, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        if error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated string"):
            raise BodyError("unexpected end of JSON input") from None
        raise BodyError(f"invalid character {error.doc[error.pos]!r} in JSON at offset {error.pos}") from None
    except ValueError:
        raise BodyError("the body is not JSON in UTF-8") from None


def parse_yaml(data: bytes) -> Any:
    """Parse one YAML document without anchors and aliases, whose expansion could be exponential; JSON is YAML too.

    :raises BodyError: when it is malformed, too deep, or has an anchor.
    """
    try:
        return parse_json(data)
    except BodyError:
        pass
    depth = 0
    try:
        for event in yaml.parse(data, Loader=yaml.CSafeLoader):
            if isinstance(event, yaml.AliasEvent):
                raise BodyError("yaml aliases are not accepted")
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                raise BodyError("exceeded max depth")
        value = yaml.load(data, Loader=_JsonLikeLoader)  # noqa: S506  derives from the safe loader
        return json.loads(json.dumps(value))
    except (yaml.YAMLError, TypeError, ValueError) as error:
        if isinstance(error, BodyError):
            raise
        raise BodyError("error converting YAML to JSON") from None


class _JsonLikeLoader(yaml.CSafeLoader):
    """Reads timestamps as text, as JSON has none."""


def _as_text(loader: yaml.SafeLoader, node: yaml.Node) -> Any:
    return loader.construct_scalar(node)  # type: ignore[arg-type]  # timestamps are scalars


_JsonLikeLoader.add_constructor("tag:yaml.org,2002:timestamp", _as_text)


def _check_depth(data: bytes) -> None:
    if data.count(b"{") + data.count(b"[") <= MAX_DEPTH:
        return
    depth = 0
    in_string = escaped = False
    for byte in data:
        if in_string:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                in_string = False
        elif byte == 0x22:
            in_string = True
        elif byte in b"{[":
            depth += 1
            if depth > MAX_DEPTH:
                raise BodyError("exceeded max depth")
        elif byte in b"}]":
            depth -= 1


def _no_constant(name: str) -> Any:
    raise BodyError(f"invalid JSON number {name}")
