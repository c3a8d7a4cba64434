"""Changing entries inside a document's tree: old objects stay as they are, unchanged parts are shared."""

from __future__ import annotations

from typing import Any

from eksauth.errors import ConfigError
from eksauth.kubeconfig.document import BODY_KEYS
from eksauth.kubeconfig.tree import same

_MISSING = object()
_NAMED_LISTS = frozenset(("env", "extensions"))


def items_of(top: dict[str, Any], section: str) -> list[Any]:
    """Return the items of a section; none for an absent or null one.

    :raises ConfigError: when it is no list.
    """
    items = top.get(section)
    if items is None:
        return []
    if not isinstance(items, list):
        raise ConfigError(f"{section} is not a list", hint="begin each entry with '- '", code="kubeconfig.type")
    return items


def index_of(items: list[Any], name: str) -> int | None:
    """Return the index of the entry with that name; one without a name has the empty name."""
    for index, item in enumerate(items):
        given = item.get("name") if isinstance(item, dict) else None
        if (given or "") == name:
            return index
    return None


def body_of(item: Any, key: str) -> Any:
    """Return what stands below ``cluster``, ``context`` or ``user``."""
    return item.get(key) if isinstance(item, dict) else None


def find_body(top: dict[str, Any], section: str, name: str) -> tuple[int, Any]:
    """Return index and body of an entry.

    :raises ConfigError: ``kubeconfig.missing`` when there is none.
    """
    items = items_of(top, section)
    index = index_of(items, name)
    if index is None:
        raise no_such_entry(section, name)
    return index, body_of(items[index], BODY_KEYS[section])


def no_such_entry(section: str, name: str) -> ConfigError:
    """Return the error for an entry that is not there."""
    key = BODY_KEYS[section]
    return ConfigError(
        f'no {key} is called "{name}"',
        hint=f"see: eksauth kubeconfig list (looking for a {key})",
        code="kubeconfig.missing",
    )


def with_body(top: dict[str, Any], section: str, index: int, body: Any) -> dict[str, Any]:
    """Return the tree with another body in one entry; the same tree when nothing changes."""
    items, key = items_of(top, section), BODY_KEYS[section]
    old = body_of(items[index], key)
    if same(old, body):
        return top
    item = {**(items[index] or {}), key: body}
    return {**top, section: [*items[:index], item, *items[index + 1 :]]}


def new_item(top: dict[str, Any], section: str, name: str, body: Any) -> dict[str, Any]:
    """Return a new list item; the name comes first where the file has it so, else in kubectl's alphabetical place."""
    key = BODY_KEYS[section]
    name_first = key > "name"
    for other in (section, "clusters", "contexts"):
        first = next((item for item in top.get(other) or () if isinstance(item, dict) and len(item) > 1), None)
        if first is not None:
            name_first = next(iter(first)) == "name" or (other != section and name_first)
            break
    return {"name": name, key: body} if name_first else {key: body, "name": name}


def in_order(value: Any) -> Any:
    """Return ``value`` with the keys of all mappings sorted, as kubectl writes them."""
    if isinstance(value, dict):
        return {key: in_order(value[key]) for key in sorted(value)}
    return [in_order(item) for item in value] if isinstance(value, list) else value


def merged(old: Any, new: Any, *, keep: tuple[tuple[str, ...], ...] = (), path: tuple[str, ...] = ()) -> Any:
    """Return ``old`` with everything that ``new`` says.

    Mappings are merged key by key, lists of named items (``env``, ``extensions``) name by name; anything else is
    replaced. Below a path in ``keep`` an old value other than null wins.
    """
    if old is not _MISSING and old is not None and path in keep:
        return old
    if isinstance(old, dict) and isinstance(new, dict):
        changed = {
            key: merged(old.get(key, _MISSING), value, keep=keep, path=(*path, key)) for key, value in new.items()
        }
        result = {**old, **changed}
    elif isinstance(old, list) and isinstance(new, list) and new and _all_named(new) and _all_named(old):
        result = _merged_by_name(old, new, keep, path)
    else:
        return old if same(old, new) else new
    return old if same(old, result) else result


def _all_named(items: list[Any]) -> bool:
    return all(isinstance(item, dict) and isinstance(item.get("name"), str) for item in items)


def _merged_by_name(old: list[Any], new: list[Any], keep: tuple[tuple[str, ...], ...], path: tuple[str, ...]) -> Any:
    result = list(old)
    places = {item["name"]: index for index, item in enumerate(old)}
    for item in new:
        index = places.get(item["name"])
        if index is None:
            result.append(item)
        elif (*path, item["name"]) not in keep and not same(result[index], item):
            result[index] = item
    return result


def with_value(value: Any, path: tuple[str, ...], new: Any, *, below: str = "") -> Any:
    """Return ``value`` with ``new`` at ``path``; mappings, and lists of named items, on the way are made.

    :param below: the key that ``value`` stands at.

    :raises ConfigError: when the path leads through something that is neither mapping nor list of named items.
    """
    if not path:
        return value if same(value, new) else new
    step, rest = path[0], path[1:]
    if value is None and below not in _NAMED_LISTS:
        return {step: with_value(None, rest, new, below=step)}
    if isinstance(value, dict):
        return {**value, step: with_value(value.get(step), rest, new, below=step)}
    value = [] if value is None else value
    if isinstance(value, list) and _all_named(value):
        index = index_of(value, step)
        if index is None:
            return [*value, with_value({"name": step}, rest, new)]
        return [*value[:index], with_value(value[index], rest, new), *value[index + 1 :]]
    raise ConfigError(f"there is no place for {step} here", hint="check the path", code="kubeconfig.path")


def without(value: Any, path: tuple[str, ...]) -> Any:
    """Return ``value`` without what stands at ``path``; lists that become empty go as well."""
    step, rest = path[0], path[1:]
    if isinstance(value, dict) and step in value:
        if rest:
            inner = without(value[step], rest)
            if inner is value[step]:
                return value
            if inner != []:
                return {**value, step: inner}
        return {key: item for key, item in value.items() if key != step}
    if isinstance(value, list) and _all_named(value):
        index = index_of(value, step)
        if index is not None:
            middle = [without(value[index], rest)] if rest else []
            return [*value[:index], *middle, *value[index + 1 :]]
    return value


def without_all(value: Any, paths: tuple[tuple[str, ...], ...]) -> Any:
    """Return ``value`` without what stands at any of ``paths``."""
    for path in paths:
        value = without(value, path)
    return value
