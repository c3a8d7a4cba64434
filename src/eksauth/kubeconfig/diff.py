"""A unified diff of a kubeconfig that can be shown: secrets hidden, yet a changed secret still counts as a change."""

from __future__ import annotations

import difflib
from pathlib import Path

from eksauth.kubeconfig.document import Document
from eksauth.kubeconfig.redacted_text import redacted_text

_CONTEXT = 3


def unified_diff(path: Path, before: Document | None, after: Document | None) -> str:
    """Return the diff from one version to the other; None stands for no file. Empty when the lines are the same."""
    old, new = (_lines(document) for document in (before, after))
    head = _common(old[0], new[0])
    tail = _common(old[0][head:][::-1], new[0][head:][::-1])
    # lines far from any change are not compared: files have tens of thousands
    skip = max(0, head - _CONTEXT)
    cut = max(0, tail - _CONTEXT)
    shown = [side[1][skip : len(side[1]) - cut] for side in (old, new)]
    matcher = difflib.SequenceMatcher(None, old[0][skip : len(old[0]) - cut], new[0][skip : len(new[0]) - cut])
    result: list[str] = []
    for group in matcher.get_grouped_opcodes(_CONTEXT):
        first, last = group[0], group[-1]
        result.append(f"@@ -{_range(first[1], last[2], skip)} +{_range(first[3], last[4], skip)} @@")
        for tag, a_start, a_end, b_start, b_end in group:
            if tag == "equal":
                result += [" " + line for line in shown[0][a_start:a_end]]
                continue
            result += ["-" + line for line in shown[0][a_start:a_end]]
            result += ["+" + line for line in shown[1][b_start:b_end]]
    if not result:
        return ""
    names = [str(path) if document is not None else "/dev/null" for document in (before, after)]
    return "\n".join([f"--- {names[0]}", f"+++ {names[1]}", *result]) + "\n"


def _lines(document: Document | None) -> tuple[list[str], list[str]]:
    """Return the lines as they are and as they may be shown."""
    if document is None or not document.text:
        return [], []
    real = document.text.split("\n")
    shown = redacted_text(document.text, document.root).split("\n")
    if not real[-1]:
        real.pop()
        shown.pop()
    else:
        real[-1] += "\n\\ No newline at end of file"
        shown[-1] += "\n\\ No newline at end of file"
    return real, [line.replace("\r", "") for line in shown]


def _common(left: list[str], right: list[str]) -> int:
    count = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        count += 1
    return count


def _range(start: int, end: int, skipped: int) -> str:
    length = end - start
    first = start + skipped + (1 if length else 0)
    return str(first) if length == 1 else f"{first},{length}"
