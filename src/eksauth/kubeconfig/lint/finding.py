"""What a lint rule finds, and what rules may look at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from eksauth.kubeconfig.document import Entry
from eksauth.kubeconfig.nodes import Mapping, Node, resolve_alias
from eksauth.kubeconfig.resolve import Found, Place
from eksauth.kubeconfig.values import fields

Level = Literal["error", "warning", "info"]
LEVELS: tuple[Level, ...] = ("error", "warning", "info")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend.

    :ivar level: ``error`` does not work, ``warning`` works otherwise than it looks or is risky, ``info`` is untidy.
    :ivar code: stable name such as ``exec.missing``.
    :ivar line: from 1; 0 when the file as a whole is meant.
    :ivar column: in characters, from 1; 0 likewise.
    :ivar message: what is wrong; one line, never with a secret.
    :ivar fix: what to do about it.
    """

    level: Level
    code: str
    path: Path
    line: int
    column: int
    message: str
    fix: str

    @property
    def place(self) -> str:
        """``file:line:column`` or the file."""
        return f"{self.path}:{self.line}:{self.column}" if self.line else str(self.path)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What rules need to know of the machine.

    :ivar cwd: the working directory, absolute.
    :ivar now: epoch seconds.
    :ivar search_path: value of ``PATH``.
    :ivar soon: seconds before its end from which a certificate is reported.
    """

    cwd: Path
    now: float
    search_path: str
    soon: float = 30 * 86400.0


def at_entry(found: Found[Any], level: Level, code: str, message: str, fix: str, *keys: str) -> Finding:
    """Return a finding placed at a value inside an entry's body, or at the nearest thing around it that exists.

    :param keys: the way to the value, such as ``"exec", "command"``.
    """
    line, column = found.place.line, 1
    if found.entry is not None:
        line, column = spot(found.entry, *keys)
    return Finding(level, code, found.document.path, line, column, message, fix)


def spot(entry: Entry, *keys: str) -> tuple[int, int]:
    """Return line and column of a value inside an entry's body."""
    place = entry.line, entry.column
    node: Node | None = entry.body
    for key in keys:
        target = None if node is None else resolve_alias(node)
        pair = fields(target).get(key) if isinstance(target, Mapping) else None
        if pair is None:
            break
        place, node = (pair[0].line, pair[0].column), pair[1]
    return place


def at_file(path: Path, level: Level, code: str, message: str, fix: str) -> Finding:
    """Return a finding about a file as a whole."""
    return Finding(level, code, path, 0, 0, message, fix)


def at_place(place: Place, level: Level, code: str, message: str, fix: str) -> Finding:
    """Return a finding at the start of a line."""
    return Finding(level, code, place.path, place.line, 1, message, fix)
