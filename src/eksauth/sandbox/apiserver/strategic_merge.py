"""Strategic merge patches: merge patches that know which lists have keys; what ``kubectl apply`` and ``edit`` send.

Rules: https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md
"""

from __future__ import annotations

from typing import Any

from eksauth.sandbox.apiserver.json_patch import PatchError, merge_patch
from eksauth.sandbox.apiserver.schema import Field, fields_of

_DIRECTIVE = "$patch"
_RETAIN = "$retainKeys"
_DELETE_PRIMITIVES = "$deleteFromPrimitiveList/"
_ORDER = "$setElementOrder/"


def strategic_merge(model: type, document: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """Apply ``patch`` to an object of type ``model``.

    :raises PatchError: when a directive is unknown or a list element lacks its merge key.
    """
    return _merge_object(Field("struct", struct=model), document, patch)


def _merge_object(kind: Field | None, document: Any, patch: dict[str, Any]) -> dict[str, Any]:
    directive = patch.get(_DIRECTIVE)
    plain = {name: value for name, value in patch.items() if not name.startswith("$")}
    if directive == "replace":
        return dict(_without_directives(plain))
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise PatchError(f"Unknown patch type found: {directive}")
    result = dict(document) if isinstance(document, dict) else {}
    retained = patch.get(_RETAIN)
    if retained is not None:
        if not isinstance(retained, list):
            raise PatchError("retainKeys is no list")
        result = {name: value for name, value in result.items() if name in retained}
    for name, values in patch.items():
        if name.startswith(_DELETE_PRIMITIVES):
            target = name.removeprefix(_DELETE_PRIMITIVES)
            if isinstance(result.get(target), list) and isinstance(values, list):
                result[target] = [entry for entry in result[target] if entry not in values]
    for name, value in plain.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = _merge_value(_child(kind, name), result.get(name), value)
    for name, order in patch.items():
        if name.startswith(_ORDER):
            target = name.removeprefix(_ORDER)
            field = _child(kind, target)
            if field is not None and field.merge_key is not None and isinstance(result.get(target), list):
                _check_order(order, plain.get(target), field.merge_key)
                original = document.get(target) if isinstance(document, dict) else None
                result[target] = _in_order(result[target], order, original or [], field.merge_key)
    return result


def _merge_value(field: Field | None, old: Any, new: Any) -> Any:
    if isinstance(new, dict):
        return _merge_object(field, old, new)
    if isinstance(new, list) and field is not None and field.merge_key is not None:
        return _merge_list(field, old if isinstance(old, list) else [], new)
    return _without_directives(new)


def _merge_list(field: Field, old: list[Any], new: list[Any]) -> list[Any]:
    key = field.merge_key
    if not key:
        merged = old + [entry for position, entry in enumerate(new) if entry not in old and entry not in new[:position]]
        return _in_order(merged, new, old, "")
    if any(not isinstance(entry, dict) for entry in new):
        raise PatchError("a list that is merged by key holds objects only")
    if any(entry.get(_DIRECTIVE) == "replace" and key not in entry for entry in new):
        return [_without_directives(entry) for entry in new if entry.get(_DIRECTIVE) != "replace"]
    result = list(old)
    for entry in new:
        if key not in entry:
            raise PatchError(f"map: {sorted(entry)} does not contain declared merge key: {key}")
        at = next((i for i, have in enumerate(result) if isinstance(have, dict) and have.get(key) == entry[key]), None)
        if entry.get(_DIRECTIVE) == "delete":
            result = [have for have in result if not (isinstance(have, dict) and have.get(key) == entry[key])]
        elif at is None:
            result.append(_merge_object(field.item, {}, entry))
        else:
            result[at] = _merge_object(field.item, result[at], entry)
    return _in_order(result, new, old, key)


def _check_order(order: Any, patched: Any, key: str) -> None:
    if not isinstance(order, list):
        raise PatchError("setElementOrder is no list")
    places = [entry.get(key) if key and isinstance(entry, dict) else entry for entry in order]
    named = [entry.get(key) if key and isinstance(entry, dict) else entry for entry in patched or ()]
    kept = [
        name
        for name, entry in zip(named, patched or (), strict=True)
        if not (isinstance(entry, dict) and _DIRECTIVE in entry)
    ]
    if any(name not in places for name in kept) or kept != sorted(kept, key=places.index):
        raise PatchError("The order in patch list doesn't match $setElementOrder list")


def _in_order(merged: list[Any], wanted: list[Any], original: list[Any], key: str) -> list[Any]:
    """Order a merged list: the elements in ``wanted`` keep that order, the others that of ``original``.

    The two sequences are then interleaved by where their heads were in ``original``; an element of ``wanted``
    that was not there goes first.
    """

    def identity(entry: Any) -> str:
        return repr(entry.get(key) if key and isinstance(entry, dict) else entry)

    ranks = {identity(entry): rank for rank, entry in enumerate(wanted)}
    places = {identity(entry): place for place, entry in enumerate(original)}
    named = sorted((entry for entry in merged if identity(entry) in ranks), key=lambda entry: ranks[identity(entry)])
    others = [entry for entry in merged if identity(entry) not in ranks]
    result: list[Any] = []
    while named and others:
        place, other = places.get(identity(named[0])), places.get(identity(others[0]))
        first = others if place is not None and other is not None and other < place else named
        result.append(first.pop(0))
    return result + named + others


def _child(kind: Field | None, name: str) -> Field | None:
    if kind is None:
        return None
    if kind.struct is not None:
        return fields_of(kind.struct).get(name)
    return kind.item if kind.kind == "map" else None


def _without_directives(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {name: _without_directives(entry) for name, entry in value.items() if not name.startswith("$")}
        return merge_patch({}, kept)
    if isinstance(value, list):
        return [_without_directives(entry) for entry in value]
    return value
