"""The Condition element of IAM policies: operators, quantifiers, variables; pure.

Rules: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
In short: values of one key are alternatives, keys and operators must all hold; a missing key fails a positive operator
and passes a negated one; ``IfExists`` passes a missing key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import Any

Context = Mapping[str, str | Sequence[str]]
"""Condition keys of a request; a sequence is a multi-valued key."""

_AS_LITERAL = {ord("*"): "\udc2a", ord("?"): "\udc3f"}
_BACK = {ord(mark): chr(letter) for letter, mark in _AS_LITERAL.items()}
_NO_VALUE = "\0"
# stand-ins for a star or question mark that a variable put into a pattern: lone surrogates, which no UTF-8 text holds


def wildcard_match(pattern: str, text: str) -> bool:
    """Tell whether ``pattern`` (``*`` any run, ``?`` one character) matches the whole of ``text``; O(n*m) at worst."""
    text = text.translate(_AS_LITERAL)
    at_pattern = at_text = 0
    star, retry = -1, 0
    while at_text < len(text):
        if at_pattern < len(pattern) and pattern[at_pattern] == "*":
            star, retry = at_pattern, at_text
            at_pattern += 1
        elif at_pattern < len(pattern) and pattern[at_pattern] in {"?", text[at_text]}:
            at_pattern += 1
            at_text += 1
        elif star >= 0:
            retry += 1
            at_pattern, at_text = star + 1, retry
        else:
            return False
    return all(letter == "*" for letter in pattern[at_pattern:])


def lookup(context: Context, key: str) -> tuple[str, ...] | None:
    """Return the values of a condition key, found without regard to case, or None when the request has no such key."""
    wanted = key.lower()
    for name, value in context.items():
        if name.lower() == wanted:
            return (value,) if isinstance(value, str) else tuple(value)
    return None


def substitute(text: str, context: Context) -> str:
    """Replace policy variables ``${key}``, ``${key, 'default'}``, ``${*}``, ``${?}`` and ``${$}`` in a pattern.

    What a variable brings in is literal for :func:`wildcard_match`, also stars. A variable without value and default
    matches nothing.
    """
    if "${" not in text:
        return text
    parts = text.split("${")
    out = [parts[0]]
    for part in parts[1:]:
        name, brace, rest = part.partition("}")
        out.append(_variable(name, context).translate(_AS_LITERAL) + rest if brace else "${" + part)
    return "".join(out)


def _variable(name: str, context: Context) -> str:
    if name in {"*", "?", "$"}:
        return name
    key, comma, default = name.partition(",")
    values = lookup(context, key.strip())
    if values is not None and len(values) == 1:
        return values[0]
    return default.strip().strip("'") if comma else _NO_VALUE


_Compare = Callable[[str, str], bool]
"""(value in the policy, value in the request) -> do they match?"""


def _arn_like(pattern: str, value: str) -> bool:
    # each of the six sections is matched on its own, so a star does not run across a colon before the resource
    wanted, given = pattern.split(":", 5), value.split(":", 5)
    return len(wanted) == len(given) == 6 and all(map(wildcard_match, wanted, given))


def _in_network(network: str, address: str) -> bool:
    try:
        return ip_address(address) in ip_network(network, strict=False)
    except ValueError:
        return False


def _numeric(compare: Callable[[float, float], bool]) -> _Compare:
    def check(wanted: str, given: str) -> bool:
        try:
            return compare(float(given), float(wanted))
        except ValueError:
            return False

    return check


def _date(compare: Callable[[float, float], bool]) -> _Compare:
    def seconds(text: str) -> float:
        try:
            return float(text)
        except ValueError:
            moment = datetime.fromisoformat(text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()

    def check(wanted: str, given: str) -> bool:
        try:
            return compare(seconds(given), seconds(wanted))
        except (ValueError, OverflowError):
            return False

    return check


_ORDERINGS: dict[str, Callable[[float, float], bool]] = {
    "Equals": lambda given, wanted: given == wanted,
    "LessThan": lambda given, wanted: given < wanted,
    "LessThanEquals": lambda given, wanted: given <= wanted,
    "GreaterThan": lambda given, wanted: given > wanted,
    "GreaterThanEquals": lambda given, wanted: given >= wanted,
}

_POSITIVE: dict[str, _Compare] = {
    "StringEquals": lambda wanted, given: wanted == given,
    "StringEqualsIgnoreCase": lambda wanted, given: wanted.casefold() == given.casefold(),
    "StringLike": wildcard_match,
    "ArnEquals": _arn_like,
    "ArnLike": _arn_like,
    "Bool": lambda wanted, given: wanted.lower() == given.lower(),
    "BinaryEquals": lambda wanted, given: wanted == given,
    "IpAddress": _in_network,
    **{f"Numeric{name}": _numeric(compare) for name, compare in _ORDERINGS.items()},
    **{f"Date{name}": _date(compare) for name, compare in _ORDERINGS.items()},
}
_NEGATED: dict[str, str] = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NotIpAddress": "IpAddress",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
}


@dataclass(frozen=True)
class Condition:
    """One operator applied to one key."""

    operator: str
    quantifier: str
    if_exists: bool
    key: str
    values: tuple[str, ...]

    def holds(self, context: Context, *, variables: bool) -> bool:
        """Tell whether the request meets this condition; ``variables`` switches ``${…}`` on."""
        given = lookup(context, self.key)
        if self.operator == "Null":
            return any((given is None) == (value.lower() == "true") for value in self.values)
        if given is None or (self.quantifier and not given):
            if self.quantifier == "ForAllValues":
                return True
            return self.if_exists or (self.operator in _NEGATED and not self.quantifier)
        wanted = [substitute(value, context) for value in self.values] if variables else self.values
        if not self.operator.startswith("Arn") and not self.operator.endswith("Like"):
            wanted = [value.translate(_BACK) for value in wanted]
        negated = self.operator in _NEGATED
        compare = _POSITIVE[_NEGATED.get(self.operator, self.operator)]
        outcomes = [any(compare(one, value) for one in wanted) != negated for value in given]
        if self.quantifier == "ForAllValues" or (negated and not self.quantifier):
            return all(outcomes)
        return any(outcomes)


def parse_conditions(raw: Any) -> tuple[Condition, ...]:
    """Parse a Condition element.

    :raises ValueError: for an unknown operator or a value of the wrong shape.
    """
    if not isinstance(raw, dict):
        raise ValueError("Condition is an object")  # noqa: TRY004  callers handle one kind of error
    conditions = []
    for full_name, tests in raw.items():
        quantifier, colon, name = full_name.rpartition(":")
        if colon and quantifier not in {"ForAnyValue", "ForAllValues"}:
            raise ValueError(f"unknown quantifier in condition operator {full_name}")
        operator = name.removesuffix("IfExists")
        if operator not in _POSITIVE and operator not in _NEGATED and name != "Null":
            raise ValueError(f"unknown condition operator {full_name}")
        if not isinstance(tests, dict):
            raise ValueError(f"condition operator {full_name} needs an object of keys and values")  # noqa: TRY004
        for key, value in tests.items():
            conditions.append(Condition(operator, quantifier, operator != name, key, _values(value, key)))
    return tuple(conditions)


def _values(value: Any, key: str) -> tuple[str, ...]:
    texts = []
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, bool):
            texts.append("true" if one else "false")
        elif isinstance(one, str | int | float):
            texts.append(str(one))
        else:
            raise ValueError(f"condition key {key} has a value that is neither text, number nor boolean")  # noqa: TRY004
    return tuple(texts)
