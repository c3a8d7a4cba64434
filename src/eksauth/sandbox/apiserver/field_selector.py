"""Field selectors: ``metadata.name=x,status.phase!=Running`` over the few fields that each type offers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eksauth.kube.text import quoted

_ESCAPES = {"\\\\": "\\", "\\,": ",", "\\=": "="}


@dataclass(frozen=True, slots=True)
class FieldCondition:
    """One condition: a field equals a value, or does not."""

    path: str
    value: str
    negated: bool = False

    def matches(self, document: Mapping[str, Any]) -> bool:
        """Tell whether the object satisfies this condition; a missing field is the empty text."""
        return (_lookup(document, self.path) == self.value) is not self.negated


def parse_field_selector(text: str, known: Sequence[str]) -> tuple[FieldCondition, ...]:
    """Parse a field selector over ``known`` fields; ``metadata.name`` and ``metadata.namespace`` are always known.

    :raises ValueError: worded as kube-apiserver does.
    """
    conditions = []
    for term in _split(text):
        condition = _term(term)
        if condition is None:
            raise ValueError(f"invalid selector: '{text}'; can't understand '{term}'")
        if condition.path not in ("metadata.name", "metadata.namespace", *known):
            if known:
                raise ValueError(f"field label not supported: {condition.path}")
            raise ValueError(
                f'{quoted(condition.path)} is not a known field selector: only "metadata.name", "metadata.namespace"'
            )
        conditions.append(condition)
    return tuple(conditions)


def exact_name(text: str) -> str:
    """Return the one name that a selector allows, or an empty text."""
    for term in _split(text):
        condition = _term(term)
        if condition is not None and condition.path == "metadata.name" and not condition.negated:
            return condition.value
    return ""


def _split(text: str) -> list[str]:
    terms = [""]
    escaped = False
    for letter in text:
        if letter == "," and not escaped:
            terms.append("")
            continue
        terms[-1] += letter
        escaped = letter == "\\" and not escaped
    return [term for term in terms if term]


def _term(term: str) -> FieldCondition | None:
    for operator in ("!=", "==", "="):
        path, found, value = term.partition(operator)
        if found and path and "=" not in path and "!" not in path:
            return FieldCondition(path, _unescaped(value), negated=operator == "!=")
    return None


def _unescaped(value: str) -> str:
    for escape, letter in _ESCAPES.items():
        value = value.replace(escape, letter)
    return value


def _lookup(document: Mapping[str, Any], path: str) -> str:
    if path == "name":
        path = "metadata.name"
    value: Any = document
    for step in path.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):  # an event's source stands for its component
        value = value.get("component")
    if value is None and path in ("spec.unschedulable", "spec.hostNetwork"):
        return "false"
    return str(value) if value is not None else ""
