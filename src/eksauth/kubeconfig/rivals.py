"""Living with kubectl's lost updates.

kubectl reads the file before it takes the lock; what others wrote in between it takes for its own change and undoes:
new entries disappear, changed ones return to what they were. Nobody can prevent that from outside. What can be done,
when there are signs that kubectl is writing right now: keep the lock a moment longer, so that a kubectl that has read
the old content is refused instead, then look again whether our change is still there, and make it once more if it was
undone. Without such signs nothing of this happens.
"""

from __future__ import annotations

from typing import Any

from eksauth.kubeconfig.document import SECTIONS
from eksauth.kubeconfig.links import FileState
from eksauth.kubeconfig.tree import same

LINGER_SECONDS = 0.05
SETTLE_SECONDS = 0.4
MAX_ROUNDS = 25
_RECENT_SECONDS = 1.5
_REMEMBERED_SECONDS = 5.0
_KUBECTL_LAYOUT = b"apiVersion: v1\nclusters:"

Units = dict[tuple[str, str], Any]


def is_active(state: FileState, content: bytes | None, known: dict[str, Any], *, now: float) -> bool:
    """Tell whether another program seems to be writing the file again and again.

    :param known: what the queue remembers: ``stamp`` of our own last write, ``rival`` time of the last sign.
    :param now: epoch seconds.
    """
    seen = known.get("rival")
    if isinstance(seen, (int, float)) and 0 <= now - seen < _REMEMBERED_SECONDS:
        return True
    if state.identity is None or content is None or known.get("stamp") == list(state.identity):
        return False
    age = now - state.identity[2] / 1e9
    return -_RECENT_SECONDS < age < _RECENT_SECONDS and content.startswith(_KUBECTL_LAYOUT)


def units(tree: dict[str, Any]) -> Units:
    """Return the parts that kubectl compares one by one: entries, and current-context."""
    found: Units = {("current-context", ""): tree.get("current-context") or ""}
    for section in SECTIONS:
        for item in tree.get(section) or ():
            if isinstance(item, dict):
                found[section, item.get("name") or ""] = item
    return found


def was_undone(before: Units, after: Units, now: Units) -> bool:
    """Tell whether something that we changed is again exactly what it was before."""
    changed = (key for key in before.keys() | after.keys() if not _equal(before, after, key))
    return any(_equal(before, now, key) for key in changed)


def _equal(left: Units, right: Units, key: tuple[str, str]) -> bool:
    return (key in left) == (key in right) and same(left.get(key), right.get(key))
