r"""New YAML text, in the style of the file that it goes into.

Text is left without quotes only where YAML 1.1 and 1.2 readers, go-yaml and PyYAML all see the same text; otherwise it
is double-quoted with JSON's escapes, which mean the same in every YAML. (PyYAML's own quoting takes ``08``, ``1e3`` and
``y`` for safe, and kubectl cannot load the result.)
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from eksauth.errors import ConfigError
from eksauth.kubeconfig.tree import Raw

# letters first: no number, date, sign or indicator; a colon only inside a word, as in an ARN or a URL
_PLAIN = re.compile(r"-{0,2}[A-Za-z/][A-Za-z0-9._/@+=%-]*(?::[A-Za-z0-9._/@+=%-]+)*(?!\n)\Z", re.ASCII)
_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))
# beyond what JSON escapes: what YAML readers take for line breaks, do not allow, or strip
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_PRINTABLE = re.compile("[\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]*")


@dataclass(frozen=True, slots=True)
class Style:
    """How a file is written.

    :ivar newline: what ends its lines.
    :ivar step: spaces per level of mappings.
    :ivar dash: spaces before the ``-`` of a list, counted from its key: 0 as kubectl writes, or more.
    :ivar json: whether it is JSON, where everything is quoted.
    :ivar unit: the indentation of one level in JSON; None when it is all in one line.
    :ivar tight: whether JSON goes without blanks after ``:`` and ``,``.
    """

    newline: str = "\n"
    step: int = 2
    dash: int = 0
    json: bool = False
    unit: str | None = None
    tight: bool = False


def quote(text: str) -> str:
    """Return ``text`` in double quotes.

    :raises ConfigError: for text that no file can hold.
    """
    if _SURROGATE.search(text):
        raise ConfigError("a name or value is not valid Unicode", hint="check the value given", code="kubeconfig.text")
    return _ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(text, ensure_ascii=False))


def scalar(value: Any, *, flow: bool = False, like: str = "", style: Style | None = None) -> str:
    """Return a scalar, or an empty collection, as YAML.

    :param flow: inside ``{}`` or ``[]``, where less may stand without quotes.
    :param like: the quotes that the value before it had: nothing, ``'`` or ``"``.
    """
    if isinstance(value, str):
        if (style and style.json) or like == '"':
            return quote(value)
        if like == "'" and _PRINTABLE.fullmatch(value):
            return "'" + value.replace("'", "''") + "'"
        return value if _is_plain(value, flow=flow) else quote(value)
    if isinstance(value, Raw):
        return value.text if value.tag is None else f"!<{value.tag}> {quote(value.text)}"
    if isinstance(value, dict):
        return "{}"
    if isinstance(value, list):
        return "[]"
    return json.dumps(value)


def _is_plain(text: str, *, flow: bool) -> bool:
    return bool(_PLAIN.match(text)) and text.lower() not in _WORDS and not (flow and ":" in text)


def is_nested(value: Any) -> bool:
    """Tell whether ``value`` needs lines of its own in block style."""
    return isinstance(value, (dict, list)) and bool(value)


def block(value: Any, style: Style) -> list[str]:
    """Return the lines of a value in block style, without the indentation that they need in their place."""
    if not is_nested(value):
        return [scalar(value)]
    lines: list[str] = []
    if isinstance(value, list):
        for item in value:
            first, *rest = block(item, style)
            lines += [f"- {first}", *(f"  {line}" for line in rest)]
        return lines
    for key, item in value.items():
        lines += pair(key, item, style)
    return lines


def pair(key: str, value: Any, style: Style) -> list[str]:
    """Return the lines of one key with its value."""
    name = scalar(key)
    if not is_nested(value):
        return [f"{name}: {scalar(value)}"]
    indent = " " * (style.dash if isinstance(value, list) else style.step)
    return [f"{name}:", *(indent + line for line in block(value, style))]


def flow(value: Any, style: Style, indent: str) -> str:
    """Return a value in flow style.

    :param indent: the indentation of the line that it begins in, for files with one item per line.
    """
    if not is_nested(value):
        return scalar(value, flow=True, style=style)
    many = style.json and style.unit is not None
    inner = indent + (style.unit or "")
    before = style.newline + inner if many else ""
    between = "," + (before if many else "" if style.tight else " ")
    if isinstance(value, list):
        parts, opening, closing = [flow(item, style, inner) for item in value], "[", "]"
    else:
        parts, opening, closing = [flow_pair(key, item, style, inner) for key, item in value.items()], "{", "}"
    return opening + before + between.join(parts) + (style.newline + indent if many else "") + closing


def flow_pair(key: str, value: Any, style: Style, indent: str) -> str:
    """Return ``key: value`` in flow style."""
    colon = ":" if style.tight and style.json else ": "
    return scalar(key, flow=True, style=style) + colon + flow(value, style, indent)
