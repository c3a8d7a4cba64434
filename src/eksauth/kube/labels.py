"""Label selectors: the structured form of objects and the text form of query strings.

Rules: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(r"\s*(==|!=|=|,|\(|\)|!|<|>|[^\s=!,()<>]+)")
_OPERATORS = "in, notin, =, ==, !=, gt, lt"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on a label; ``operator`` is one of in, notin, exists, absent, gt, lt."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether the labels satisfy this condition; ``notin`` is satisfied by a missing label."""
        value = labels.get(self.key)
        if self.operator == "exists":
            return value is not None
        if self.operator == "absent":
            return value is None
        if self.operator == "notin":
            return value not in self.values
        if value is None:
            return False
        if self.operator == "in":
            return value in self.values
        try:
            left, right = int(value), int(self.values[0])
        except ValueError:
            return False
        return left > right if self.operator == "gt" else left < right


def matches_label_selector(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Tell whether labels satisfy a LabelSelector object; an empty selector matches everything."""
    wanted = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_expression(entry).matches(labels) for entry in selector.get("matchExpressions") or ())


def _expression(entry: Mapping[str, Any]) -> Requirement:
    operators = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "absent"}
    return Requirement(entry["key"], operators[entry["operator"]], tuple(entry.get("values") or ()))


def parse_label_selector(text: str) -> tuple[Requirement, ...]:
    """Parse the text form, such as ``app=web,tier in (a, b),!canary``; the empty text selects everything.

    :raises ValueError: worded as kube-apiserver does.
    """
    tokens = _Tokens(text)
    requirements: list[Requirement] = []
    if tokens.peek() is None:
        return ()
    while True:
        requirements.append(_requirement(tokens))
        separator = tokens.take()
        if separator is None:
            return tuple(requirements)
        if separator != ",":
            raise ValueError(f"found '{separator}', expected: ',' or 'end of string'")


class _Tokens:
    def __init__(self, text: str) -> None:
        self._tokens = [match.group(1) for match in _TOKEN.finditer(text)]
        self._at = 0

    def peek(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def take(self) -> str | None:
        token = self.peek()
        self._at += 1
        return token


def _requirement(tokens: _Tokens) -> Requirement:
    token = tokens.take()
    if token == "!":
        return Requirement(_key(tokens.take()), "absent")
    key = _key(token)
    following = tokens.peek()
    if following in (None, ","):
        return Requirement(key, "exists")
    operator = tokens.take()
    if operator in ("=", "==", "!="):
        value = tokens.peek()
        exact = "" if value in (None, ",") else tokens.take() or ""
        return Requirement(key, "notin" if operator == "!=" else "in", (_value(exact),))
    if operator in ("in", "notin"):
        return Requirement(key, operator, _values(tokens))
    if operator in (">", "<", "gt", "lt"):
        value = tokens.take() or ""
        if not re.fullmatch(r"[+-]?\d+", value):
            raise ValueError(f"for 'Gt', 'Lt' operators, the value must be an integer: {value!r}")
        return Requirement(key, "gt" if operator in (">", "gt") else "lt", (value,))
    raise ValueError(f"unable to parse requirement: found '{operator}', expected: {_OPERATORS}")


def _key(token: str | None) -> str:
    if token is None or not re.fullmatch(r"[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?", token):
        raise ValueError(f"unable to parse requirement: found '{token or ''}', expected: identifier")
    return token


def _value(token: str) -> str:
    if token and not re.fullmatch(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?", token):
        raise ValueError(f"unable to parse requirement: values[0][{token}]: Invalid value: {token!r}")
    return token


def _values(tokens: _Tokens) -> tuple[str, ...]:
    opening = tokens.take()
    if opening != "(":
        raise ValueError(f"unable to parse requirement: found '{opening or ''}', expected: '('")
    values = [""]
    while True:
        token = tokens.take()
        if token is None:
            raise ValueError("unable to parse requirement: found '', expected: ',', or ')'")
        if token == ")":
            return tuple(dict.fromkeys(values))
        if token == ",":
            values.append("")
        else:
            values[-1] = _value(token)
