"""JSON Patch (RFC 6902) and JSON Merge Patch (RFC 7386); neither changes its inputs."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

MAX_OPERATIONS = 10_000
"""kube-apiserver's own limit on one patch."""


class PatchError(ValueError):
    """The patch is well formed but does not apply to this document."""


class MalformedPatch(ValueError):
    """The patch is no patch."""


def merge_patch(document: Any, patch: Any) -> Any:
    """Apply a merge patch: objects merge, null removes, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    result = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge_patch(result.get(name), value)
    return result


def json_patch(document: Any, operations: Any) -> Any:
    """Apply a list of operations in order, all or nothing.

    :raises MalformedPatch: when ``operations`` is no list of operations, or is too long.
    :raises PatchError: when one of them cannot be applied or a test fails.
    """
    if not isinstance(operations, list) or not all(isinstance(entry, dict) for entry in operations):
        raise MalformedPatch("a JSON patch is a list of operations")
    if len(operations) > MAX_OPERATIONS:
        raise MalformedPatch(f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}")
    result = copy.deepcopy(document)
    for operation in operations:
        result = _apply(result, operation)
    return result


def _apply(document: Any, operation: dict[str, Any]) -> Any:
    name = operation.get("op")
    tokens = _pointer(operation.get("path"))
    if name in ("add", "replace", "test") and "value" not in operation:
        raise PatchError(f"{name} needs a value")
    if name == "add":
        return _add(document, tokens, copy.deepcopy(operation["value"]))
    if name == "remove":
        return _remove(document, tokens)
    if name == "replace":
        _resolve(document, tokens)
        return (
            _add(_remove(document, tokens), tokens, copy.deepcopy(operation["value"]))
            if tokens
            else copy.deepcopy(operation["value"])
        )
    if name == "test":
        if not _equal(_resolve(document, tokens), operation["value"]):
            raise PatchError("test failed")
        return document
    if name in ("move", "copy"):
        return _transfer(document, name, _pointer(operation.get("from")), tokens)
    raise PatchError("unknown operation")


def _transfer(document: Any, name: str, source: list[str], target: list[str]) -> Any:
    value = copy.deepcopy(_resolve(document, source))
    if name == "move":
        if target[: len(source)] == source and target != source:
            raise PatchError("a value cannot move into itself")
        document = _remove(document, source)
    return _add(document, target, value)


def _pointer(text: Any) -> list[str]:
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise PatchError("not a JSON pointer")
    return [token.replace("~1", "/").replace("~0", "~") for token in text.split("/")[1:]]


def _resolve(document: Any, tokens: Sequence[str]) -> Any:
    for token in tokens:
        if isinstance(document, dict) and token in document:
            document = document[token]
        elif isinstance(document, list):
            document = document[_index(token, len(document) - 1)]
        else:
            raise PatchError("the path does not exist")
    return document


def _add(document: Any, tokens: Sequence[str], value: Any) -> Any:
    if not tokens:
        return value
    parent, last = _resolve(document, tokens[:-1]), tokens[-1]
    if isinstance(parent, dict):
        parent[last] = value
    elif isinstance(parent, list):
        parent.insert(len(parent) if last == "-" else _index(last, len(parent)), value)
    else:
        raise PatchError("the path does not exist")
    return document


def _remove(document: Any, tokens: Sequence[str]) -> Any:
    if not tokens:
        return None
    parent, last = _resolve(document, tokens[:-1]), tokens[-1]
    if isinstance(parent, dict) and last in parent:
        del parent[last]
    elif isinstance(parent, list):
        del parent[_index(last, len(parent) - 1)]
    else:
        raise PatchError("the path does not exist")
    return document


def _index(token: str, largest: int) -> int:
    if not (token.isascii() and token.isdigit()) or (token != "0" and token.startswith("0")) or len(token) > 9:
        raise PatchError("not an array index")
    if int(token) > largest:
        raise PatchError("the index is out of bounds")
    return int(token)


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_equal(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_equal, left, right))
    return bool(left == right)
