"""Sets of field paths, in the FieldsV1 form: who owns which part of an object.

A path is a tuple of FieldsV1 keys: ``f:NAME`` for a field, ``k:{...}`` for a list element by its key, ``v:...`` for a
plain list value, and ``.`` for the element itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from eksauth.sandbox.apiserver.schema import Field, fields_of

Path = tuple[str, ...]


def paths_of(model: type, value: Mapping[str, Any]) -> dict[Path, Any]:
    """Return every leaf that an object states, with its value; lists without a merge key are leaves."""
    return dict(_walk(Field("struct", struct=model), value, ()))


def to_fields_v1(paths: Iterable[Path]) -> dict[str, Any]:
    """Return a set of paths as nested objects."""
    root: dict[str, Any] = {}
    for path in sorted(paths):
        node = root
        for key in path:
            node = node.setdefault(key, {})
    return root


def from_fields_v1(tree: Any, prefix: Path = ()) -> Iterator[Path]:
    """Yield the paths of nested objects."""
    if not isinstance(tree, dict):
        return
    for key, inner in tree.items():
        if inner:
            yield from from_fields_v1(inner, (*prefix, key))
        else:
            yield (*prefix, key)


def lookup(value: Any, path: Path) -> Any:
    """Return what an object holds at a path, or None."""
    for key in path:
        value = _step(value, key)
    return value


def remove(value: Any, path: Path) -> None:
    """Remove what is at a path, in place; a path that is not there is no error."""
    parent = lookup(value, path[:-1])
    last = path[-1]
    if last == ".":
        siblings, element = lookup(value, path[:-2]), parent
        if isinstance(siblings, list) and element is not None:
            siblings.remove(element)
    elif isinstance(parent, dict) and last.startswith("f:"):
        parent.pop(last[2:], None)
    elif isinstance(parent, list):
        found = _step(parent, last)
        if found is not None:
            parent.remove(found)


def readable(path: Path) -> str:
    """Return a path as conflicts name it, such as ``.spec.containers[name="a"].image``."""
    text = ""
    for key in path:
        if key.startswith("f:"):
            text += f".{key[2:]}"
        elif key.startswith("k:"):
            pairs = ",".join(f"{name}={json.dumps(entry)}" for name, entry in json.loads(key[2:]).items())
            text += f"[{pairs}]"
        elif key.startswith("v:"):
            text += f"[={key[2:]}]"
    return text


def _walk(kind: Field, value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if kind.struct is not None and isinstance(value, Mapping):
        known = fields_of(kind.struct)
        for name, entry in value.items():
            if name in known:
                yield from _walk(known[name], entry, (*path, f"f:{name}"))
    elif kind.kind == "map" and kind.item is not None and isinstance(value, Mapping) and value:
        for name, entry in value.items():
            yield from _walk(kind.item, entry, (*path, f"f:{name}"))
    elif kind.merge_key is not None and kind.item is not None and isinstance(value, list):
        for entry in value:
            if kind.merge_key and isinstance(entry, Mapping):
                key = json.dumps({kind.merge_key: entry.get(kind.merge_key)}, separators=(",", ":"))
                yield (*path, f"k:{key}", "."), None
                yield from _walk(kind.item, entry, (*path, f"k:{key}"))
            else:
                yield (*path, f"v:{json.dumps(entry)}"), entry
    else:
        yield path, value


def _step(value: Any, key: str) -> Any:
    if key.startswith("f:"):
        return value.get(key[2:]) if isinstance(value, Mapping) else None
    if not isinstance(value, list):
        return value if key == "." else None
    if key.startswith("k:"):
        ((name, wanted),) = json.loads(key[2:]).items()
        return next((entry for entry in value if isinstance(entry, Mapping) and entry.get(name) == wanted), None)
    wanted = json.loads(key[2:])
    return wanted if wanted in value else None
