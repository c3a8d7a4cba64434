"""Editing a kubeconfig: text in, text out, with every byte kept that the change is not about.

The operations say what the document shall mean; the splicer changes the text; then the new text is read again and must
mean exactly that, everywhere. A change that does not pass this check is never written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from eksauth.errors import EksauthError
from eksauth.kubeconfig import emit
from eksauth.kubeconfig.document import Document
from eksauth.kubeconfig.nodes import compose
from eksauth.kubeconfig.operations import Operation, Tree
from eksauth.kubeconfig.selfcheck import problem_with
from eksauth.kubeconfig.splice import Splice, apply_splices, splices_for
from eksauth.kubeconfig.style import detect, line_start
from eksauth.kubeconfig.tree import Values, same

_MARKER = re.compile(r"^(?:---(?=[ \t\r\n]|\Z)|\.\.\.(?=[ \t\r\n]|\Z))", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Edited:
    """The outcome of an edit.

    :ivar document: the document as it was.
    :ivar text: the new text, without byte order mark; may hold secrets.
    :ivar before: what the document said.
    :ivar after: what the new text says.
    :ivar splices: the spans of the old text that were replaced; none when nothing changed.
    """

    document: Document
    text: str = field(repr=False)
    before: Tree = field(repr=False)
    after: Tree = field(repr=False)
    splices: tuple[Splice, ...] = field(default=(), repr=False)

    @property
    def changed(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.splices)

    def encode(self) -> bytes:
        """Return the new bytes, in the encoding and with the byte order mark that the file has."""
        return self.document.encode(self.text)


def edit(document: Document, operations: Iterable[Operation]) -> Edited:
    """Apply operations one after the other and return the new text.

    :raises ConfigError: when an operation makes no sense for this document.
    :raises EksauthError: ``kubeconfig.selfcheck`` when the new text does not mean what it should; a bug in eksauth.
    """
    values = Values()
    have: Tree = values.of(document.root) if document.root is not None else {}
    want = have
    for operation in operations:
        want = operation.apply(want)
    if same(have, want):
        return Edited(document, document.text, have, have)
    text, style = document.text, detect(document.text, document.root)
    if document.root is not None and document.root.pairs:
        splices = splices_for(text, document.root, want, values, style)
    else:
        want = dict(sorted({"apiVersion": "v1", "kind": "Config", **have, **want}.items()))
        splices = [_first_content(document, emit.block(want, style), style.newline)]
    new = apply_splices(text, splices)
    problem = problem_with(document, splices, new, have, want)
    if problem is not None:
        raise EksauthError(
            f"{document.path}: edit refused: {problem}; the file is unchanged",
            hint="please report this; kubectl config or an editor can make the change meanwhile",
            code="kubeconfig.selfcheck",
        )
    return Edited(document, new, have, want, tuple(splices))


def _first_content(document: Document, lines: list[str], newline: str) -> Splice:
    """Return the splice that puts the first content into an empty file, after its comments."""
    text, block = document.text, newline.join(lines)
    root = document.root or compose(text).root
    if root is not None and root.end > root.start:  # {} or null
        start = line_start(text, root.start)
        if text[start : root.start].strip():  # behind a document marker
            return Splice(root.start, root.end, newline + block)
        return Splice(start, root.end, block)
    at = _end_of_empty_document(text)
    before = "" if at == 0 or text[at - 1] in "\r\n" else newline
    return Splice(at, at, before + block + newline)


def _end_of_empty_document(text: str) -> int:
    markers = list(_MARKER.finditer(text))
    if not markers:
        return len(text)
    if markers[0][0] == "---":
        markers.pop(0)
    return markers[0].start() if markers else len(text)
