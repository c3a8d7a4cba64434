"""What a transaction on kubeconfigs did, or would do."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from eksauth.errors import ConfigError
from eksauth.kubeconfig.diff import unified_diff
from eksauth.kubeconfig.document import Document, parse_document


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file, before and after.

    :ivar path: as the caller or ``KUBECONFIG`` names it.
    :ivar target: the file that its links lead to.
    :ivar before: bytes; None when there was no file.
    :ivar after: bytes; None when the file was removed, which only ``undo`` does.
    :ivar in_place: whether it was overwritten rather than replaced.
    """

    path: Path
    target: Path
    before: bytes | None = field(repr=False)
    after: bytes | None = field(repr=False)
    in_place: bool = False

    @property
    def created(self) -> bool:
        """Whether the file is new."""
        return self.before is None

    def diff(self) -> str:
        """Return a unified diff with secrets hidden."""
        before, after = (_parsed(data, self.path) for data in (self.before, self.after))
        return unified_diff(self.path, before, after)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a transaction.

    :ivar changes: the files that were written, or would be; none when nothing changed.
    :ivar warnings: lines for people: open permissions, a lock that was cleared, no backup.
    :ivar dry_run: whether nothing was written on purpose.
    :ivar rounds: how often the change was made; more than 1 when another program undid it meanwhile.
    """

    changes: tuple[FileChange, ...] = ()
    warnings: tuple[str, ...] = ()
    dry_run: bool = False
    rounds: int = 1

    @property
    def changed(self) -> bool:
        """Whether anything was, or would be, written."""
        return bool(self.changes)

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that were, or would be, written, as the caller names them."""
        return tuple(change.path for change in self.changes)

    def diff(self) -> str:
        """Return a unified diff of all files with secrets hidden."""
        return "".join(change.diff() for change in self.changes)


def _parsed(data: bytes | None, path: Path) -> Document | None:
    if data is None:
        return None
    try:
        return parse_document(data, path, strict=False)
    except ConfigError:  # an old backup may hold anything; without nodes no secret is found, so nothing is shown
        lines = data.count(b"\n") + 1
        return parse_document(f"# {lines} lines that are not a kubeconfig\n".encode(), path)
