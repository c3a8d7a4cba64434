"""Finding out how a kubeconfig is written, so that new entries look like the old ones."""

from __future__ import annotations

import re

from eksauth.kubeconfig.emit import Style
from eksauth.kubeconfig.nodes import Mapping, Node, Scalar, Sequence
from eksauth.kubeconfig.values import is_merge

_INDENT = re.compile(r"[ \t]*")


def detect(text: str, root: Node | None) -> Style:
    """Return the style of a document: that of its first list and of its first entry, else kubectl's."""
    newline = _newline(text)
    if not isinstance(root, Mapping) or not root.pairs:
        return Style(newline)
    if root.flow:
        first = root.pairs[0][0]
        quoted = isinstance(first, Scalar) and first.style == '"'
        unit = own_line_indent(text, first.start)
        colon = text[first.end : first.end + 2]
        return Style(newline, json=quoted, unit=unit, tight=unit is None and colon[:1] == ":" and colon[1:] != " ")
    step, dash = 2, 0
    for key, value in root.pairs:
        if isinstance(value, Sequence) and not value.flow and value.items and not value.anchor and not value.tag:
            dash = max(0, value.column - key.column)
            step = _entry_step(value) or step
            break
    return Style(newline, step=step, dash=dash)


def own_line_indent(text: str, offset: int) -> str | None:
    """Return the blanks before ``offset`` when nothing else stands before it in its line; else None."""
    start = line_start(text, offset)
    before = text[start:offset]
    return before if start > 0 and not before.strip(" \t") else None


def line_indent(text: str, offset: int) -> str:
    """Return the indentation of the line that ``offset`` is in."""
    found = _INDENT.match(text, line_start(text, offset))
    return found[0] if found else ""


def line_start(text: str, offset: int) -> int:
    """Return the offset of the first character of the line that ``offset`` is in."""
    start = text.rfind("\n", 0, offset) + 1
    return max(start, text.rfind("\r", start, offset) + 1)


def line_end(text: str, offset: int) -> int:
    """Return the offset of the line break that ends the line of ``offset``, or of the text's end."""
    end = text.find("\n", offset)
    end = len(text) if end < 0 else end
    carriage = text.find("\r", offset, end)
    return carriage if carriage >= 0 else end


def _newline(text: str) -> str:
    end = line_end(text, 0)
    return text[end : end + 2] if text[end : end + 2] == "\r\n" else text[end : end + 1] or "\n"


def _entry_step(entries: Sequence) -> int | None:
    for item in entries.items:
        if isinstance(item, Mapping) and not item.flow:
            for key, body in item.pairs:
                if isinstance(body, Mapping) and not body.flow and not body.anchor and not is_merge(key):
                    return step if (step := body.column - key.column) > 0 else None
    return None
