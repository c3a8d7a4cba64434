"""What a plain YAML scalar means to kubectl, whose parser follows YAML 1.1 with exceptions of its own.

Truth values are ``y n yes no on off true false``; ``012`` is 10, ``08`` is 8, ``1_000`` is 1000, ``0o17`` is 15;
``1e3`` is a number; ``1e400``, dates and ``12:30:45`` are text. Source: go-yaml v2, kubectl 1.27 to 1.36.
"""

from __future__ import annotations

import re

TRUE_WORDS = frozenset(["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"])
FALSE_WORDS = frozenset(["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"])
NULL_WORDS = frozenset(("", "~", "null", "Null", "NULL"))
_INFINITE = frozenset(sign + word for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF"))
_NAN = frozenset((".nan", ".NaN", ".NAN"))
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_POINT_FLOAT = re.compile(r"\.[0-9]+(?:[eE][-+]?[0-9]+)?", re.ASCII)
_DIGITS = {
    10: re.compile(r"[0-9]+", re.ASCII),
    16: re.compile(r"[0-9a-fA-F]+", re.ASCII),
    8: re.compile(r"[0-7]+", re.ASCII),
    2: re.compile(r"[01]+", re.ASCII),
}
_LONGEST_NUMBER = 400

Plain = str | bool | int | float | None


def resolve_plain(text: str) -> Plain:
    """Return the value of a plain (unquoted) scalar as kubectl reads it."""
    if text in NULL_WORDS:
        return None
    first = text[0]
    if first in "yYnNtTfFoO":
        if text in TRUE_WORDS:
            return True
        return False if text in FALSE_WORDS else text
    if first == ".":
        return _point(text)
    if first in "+-0123456789":
        return _number(text)
    return text


def is_text(text: str) -> bool:
    """Tell whether a plain scalar ``text`` is text to kubectl, so that it needs no quotes for that reason."""
    return isinstance(resolve_plain(text), str)


def _point(text: str) -> Plain:
    if text in _NAN:
        return float("nan")
    if text in _INFINITE:
        return float("inf")
    return _float(text) if _POINT_FLOAT.fullmatch(text) else text


def _number(text: str) -> Plain:
    if text in _INFINITE:
        return float(text[0] + "inf")
    plain = text.replace("_", "")
    if len(plain) > _LONGEST_NUMBER:  # Python refuses longer integers; Go makes a float or text of them
        return _float(plain, text) if _FLOAT.fullmatch(plain) else text
    whole = _integer(plain)
    if whole is not None:
        return whole
    return _float(plain, text) if _FLOAT.fullmatch(plain) else text


def _integer(plain: str) -> int | None:
    negative, signed = plain[:1] == "-", plain[:1] in "+-"
    body = plain[1:] if signed else plain
    base, digits = 10, body
    if body[:1] == "0" and len(body) > 1:
        letter = body[1].lower()
        base = {"x": 16, "b": 2}.get(letter, 8)
        digits = body[2:] if letter in "xbo" else body[1:]
    if not _DIGITS[base].fullmatch(digits):
        return None
    value = int(digits, base)
    if negative:
        return -value if value <= 2**63 else None
    return value if value < (2**63 if signed else 2**64) else None


def _float(plain: str, written: str | None = None) -> Plain:
    value = float(plain)
    if value in {float("inf"), float("-inf")}:  # out of range: Go reports an error, and the text stays text
        return written if written is not None else plain
    return value
