"""Reading an edited text again, to see that it says exactly what it should.

A small file is read whole. In a large one only the changed parts are: in a block document without anchors, entries and
top-level keys are pieces of whole lines that mean the same wherever they stand, so a piece is read as a little
kubeconfig of its own and put in its place among the values of the pieces that were not touched.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Sequence as Seq
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eksauth.errors import ConfigError
from eksauth.kubeconfig.document import SECTIONS, Document, parse_document
from eksauth.kubeconfig.nodes import Mapping, Scalar, Sequence
from eksauth.kubeconfig.splice import Splice, apply_splices
from eksauth.kubeconfig.style import line_start
from eksauth.kubeconfig.tree import Values, same

READ_WHOLE_UP_TO = 64 << 10
"""Characters."""
_MARKER = re.compile(r"^(?:---|\.\.\.|%)", re.MULTILINE)


def problem_with(
    document: Document, splices: Seq[Splice], text: str, before: dict[str, Any], after: dict[str, Any]
) -> str | None:
    """Return what is wrong with ``text``, or None when it says ``after`` and what follows the document stays.

    :param before: what the document said before ``splices`` made ``text`` of it.
    """
    if len(text) > READ_WHOLE_UP_TO:
        found = read_pieces(document, splices, before)
        if found is not None and same(found, after):
            return None  # anything else is looked at in full
    return _problem_whole(document, text, after)


def _problem_whole(document: Document, text: str, after: dict[str, Any]) -> str | None:
    try:
        new = parse_document(document.encode(text), document.path)
    except ConfigError as error:
        return f"the new text is not a kubeconfig ({error.message})"
    except UnicodeEncodeError:
        return "the new text has characters that the file's encoding lacks"
    if new.root is None or not same(Values().of(new.root), after):
        return "the new text does not say what it should"
    if document.multi_document != new.multi_document:
        return "the documents that follow would change"
    filled = document.root is not None and document.root.pairs  # {} is no file of anybody who keeps JSON
    if filled and _is_json(document.text) and not _is_json(text):
        return "the new text is not JSON any more"
    return None


def _is_json(text: str) -> bool:
    if not text.lstrip().startswith("{"):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Piece:
    """Whole lines of the text that hold one top-level key, or one item of the three lists.

    :ivar key: the top-level key.
    :ivar index: the item's index, or None for a key as a whole.
    """

    start: int
    key: str
    index: int | None


def read_pieces(document: Document, splices: Seq[Splice], before: dict[str, Any]) -> dict[str, Any] | None:
    """Return what the spliced text says, reading only what the splices touch; None when that cannot be told."""
    pieces = _pieces(document)
    if not pieces:
        return None
    starts = [piece.start for piece in pieces]
    touched: dict[int, list[Splice]] = {}
    for splice in splices:
        at = bisect_right(starts, splice.start) - 1
        end = starts[at + 1] if at + 1 < len(starts) else len(document.text)
        # a removal takes the line break before its piece along, so it belongs to both
        if at < 0 or splice.end > end or splice.end == end != splice.start:
            return None
        touched.setdefault(at, []).append(splice)
    found = dict(before)
    lists: dict[str, dict[int, list[Any]]] = {}
    for at, own in touched.items():
        piece = pieces[at]
        end = starts[at + 1] if at + 1 < len(starts) else len(document.text)
        moved = [Splice(splice.start - piece.start, splice.end - piece.start, splice.text) for splice in own]
        said = _read(apply_splices(document.text[piece.start : end], moved), piece)
        if said is None:
            return None
        if piece.index is None:
            found.pop(piece.key, None)
            if found.keys() & said.keys():
                return None
            found.update(said)
        else:
            lists.setdefault(piece.key, {})[piece.index] = said[piece.key]
    for key, replaced in lists.items():
        items = enumerate(before[key])
        found[key] = [item for index, old in items for item in replaced.get(index, [old])]
        names = [item.get("name") for item in found[key] if isinstance(item, dict)]
        if len(set(names)) != len(names):
            return None
    return found


def _read(text: str, piece: _Piece) -> dict[str, Any] | None:
    if _MARKER.search(text) or text[-1:] not in {"\n", ""}:
        return None
    try:
        new = parse_document((text if piece.index is None else f"{piece.key}:\n{text}").encode(), Path())
    except (ConfigError, UnicodeEncodeError):
        return None
    if new.root is None or new.anchors or new.multi_document:
        return None
    said: dict[str, Any] = Values().of(new.root)
    if piece.index is not None and (said.keys() != {piece.key} or not isinstance(said[piece.key], list)):
        return None
    return said


def _pieces(document: Document) -> list[_Piece]:
    """Return the pieces in order; none when the document is not made of such."""
    root, text = document.root, document.text
    if root is None or root.flow or document.anchors or document.multi_document or root.column != 1:
        return []
    pieces: list[_Piece] = []
    for key, value in root.pairs:
        if not isinstance(key, Scalar) or line_start(text, key.start) != key.start or text[key.start] == "?":
            return []
        pieces.append(_Piece(key.start, key.value, None))
        if key.value in SECTIONS and isinstance(value, Sequence) and not value.flow and not value.tag:
            entries = document.sections[key.value]
            if len(entries) == len(value.items) and all(isinstance(item, Mapping) for item in value.items):
                places = [(line_start(text, entry.start), entry) for entry in entries]
                if all(not text[start : entry.start].strip(" ") for start, entry in places):
                    pieces += [_Piece(start, key.value, entry.index) for start, entry in places]
    names = [piece.key for piece in pieces if piece.index is None]
    starts = [piece.start for piece in pieces]
    return pieces if len(set(names)) == len(names) and starts == sorted(set(starts)) else []
