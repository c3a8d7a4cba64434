"""One version of a kubeconfig file as it is on disk, and putting another in its place with a backup."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from eksauth.errors import ConfigError
from eksauth.kubeconfig import backup
from eksauth.kubeconfig.links import FileState, make_parent, resolve_target, state_of
from eksauth.kubeconfig.source import MAX_FILE_BYTES, read_file
from eksauth.kubeconfig.write import ChangedMeanwhile, Written, write_target


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A file as it was read.

    :ivar path: as the caller or ``KUBECONFIG`` names it.
    :ivar target: the file that its links lead to.
    :ivar content: bytes; None when there is no file.
    :ivar state: identifies this version on disk.
    """

    path: Path
    target: Path
    content: bytes | None = field(repr=False)
    state: FileState


def take(path: Path) -> Snapshot:
    """Read a file.

    :raises ConfigError: when it is there and cannot be read.
    :raises ChangedMeanwhile: when it was written during the reading.
    """
    target = resolve_target(path)
    content = read_file(target)
    state = _state(target) if content is not None else FileState(None)
    size = state.identity[3] if state.identity else 0
    whole = content is not None and len(content) <= MAX_FILE_BYTES  # of larger ones only a part is read, and refused
    if content is not None and whole and size != len(content) and state.exists:
        raise ChangedMeanwhile
    return Snapshot(path, target, content, state)


def _state(target: Path) -> FileState:
    try:
        return state_of(target)
    except ConfigError as error:
        if error.code != "kubeconfig.type":
            raise
        return FileState((0, 0, 0, 0))  # a pipe or the like: it can be read, and writing says what is wrong


@dataclass(frozen=True, slots=True)
class Keeper:
    """Writes files and keeps what they held.

    :ivar state: the state directory; None means no backups.
    :ivar reason: what is being done, for ``undo --list``.
    :ivar now: epoch seconds.
    """

    state: Path | None
    reason: str
    now: float
    fix_permissions: bool = False

    def replace(self, snapshot: Snapshot, content: bytes, warnings: list[str]) -> Written:
        """Write ``content`` in place of ``snapshot``.

        :raises ConfigError: when it cannot be written; the old content is whole.
        :raises ChangedMeanwhile: when somebody else wrote the file.
        """
        if snapshot.content is None:
            make_parent(snapshot.target)
        self.keep(snapshot, warnings)

        def before_overwriting() -> None:
            self.keep(snapshot, warnings, durable=True)

        return write_target(
            snapshot.target,
            content,
            snapshot.state,
            fix_permissions=self.fix_permissions,
            before_overwriting=before_overwriting,
        )

    def keep(self, snapshot: Snapshot, warnings: list[str], *, durable: bool = False) -> None:
        """Keep what ``snapshot`` holds; a warning, not an error, when that is impossible."""
        reason = "there is no home directory"
        if self.state is not None:
            try:
                backup.keep(
                    self.state,
                    snapshot.target,
                    snapshot.content,
                    mode=snapshot.state.mode or 0o600,
                    reason=self.reason,
                    now=self.now,
                    durable=durable,
                )
            except OSError as error:
                reason = (error.strerror or type(error).__name__).lower()
            except ConfigError as error:
                reason = error.message
            else:
                return
        warning = f"no backup of {snapshot.target} was kept: {reason}"
        if warning not in warnings:
            warnings.append(warning)


def permission_warning(shot: Snapshot) -> str | None:
    """Return a warning when others than the owner may read or write a file; kubectl never says so."""
    with suppress(ConfigError):
        mode = state_of(shot.target).mode
        if mode & 0o077:
            who = "everybody" if mode & 0o007 else "its group"
            done = "changed" if mode & 0o022 else "read"
            return f"{shot.path} can be {done} by {who} (mode {mode:04o}); --fix-permissions makes it private"
    return None


def make_private(shot: Snapshot) -> None:
    """Take away what group and others may do with a file whose content stays."""
    if shot.state.exists and shot.state.mode & 0o077:
        with suppress(OSError):
            shot.target.chmod(shot.state.mode & ~0o077)
