"""One lock file by kubectl's protocol: ``<file>.lock``, made exclusively, removed when done.

Source: client-go ``tools/clientcmd/config.go``: ``lockFile`` opens with ``O_CREATE|O_EXCL`` and gives up at once when
the file exists. What it has no answer to is a lock whose holder was killed; ours carry a note (see
:mod:`eksauth.kubeconfig.holder`) and appear complete with it, so that such a lock can be told from a live one.
"""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from eksauth.kubeconfig.holder import MAX_NOTE_BYTES, Holder, decode_holder

_NO_SUCH_FEATURE = {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOSYS, errno.ENOENT, errno.EPERM, errno.EXDEV}


@dataclass(frozen=True, slots=True)
class LockSeen:
    """A lock file that somebody else made."""

    identity: tuple[int, ...]
    modified: float
    """Epoch seconds."""
    holder: Holder | None
    """The eksauth process that made it; None for kubectl and others, which say nothing about themselves."""


def create(path: Path, note: bytes) -> tuple[int, ...]:
    """Make the lock file and return its identity.

    :raises FileExistsError: when somebody holds the lock.
    :raises OSError: when no file can be made there.
    """
    try:
        return _create_whole(path, note)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in _NO_SUCH_FEATURE:
            raise
    return _create_then_write(path, note)


def _create_whole(path: Path, note: bytes) -> tuple[int, ...]:
    """Make the file nameless, fill it, then link it: a process killed in between leaves nothing."""
    if not hasattr(os, "O_TMPFILE"):
        raise OSError(errno.ENOSYS, "no unnamed files here")
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        handle = os.open(path.parent, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            os.write(handle, note)
            # naming a directory makes Python call linkat(2), which can follow /proc/self/fd; link(2) cannot
            os.link(f"/proc/self/fd/{handle}", path.name, dst_dir_fd=directory, follow_symlinks=True)
            return _identity(os.fstat(handle))
        finally:
            os.close(handle)
    finally:
        os.close(directory)


def _create_then_write(path: Path, note: bytes) -> tuple[int, ...]:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with suppress(OSError):  # a lock without a note is still a lock
            os.write(handle, note)
        return _identity(os.fstat(handle))
    finally:
        os.close(handle)


def look(path: Path) -> LockSeen | None:
    """Describe the lock file; None when there is none."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    note = b""
    with suppress(OSError):
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            note = os.read(handle, MAX_NOTE_BYTES)
        finally:
            os.close(handle)
    return LockSeen(_identity(status), status.st_mtime, decode_holder(note))


def release(path: Path, identity: tuple[int, ...]) -> None:
    """Remove the lock file if it is still the one that was made with this identity."""
    with suppress(OSError):
        if _identity(path.lstat()) == identity:
            path.unlink()


def clear_dead(path: Path, seen: LockSeen) -> bool:
    """Remove a lock whose holder is gone; False when it is another lock by now.

    It is moved aside first, so that of two processes doing this only one removes it, and neither a newer one.
    """
    aside = path.with_name(f"{path.name}.{secrets.token_hex(6)}")
    try:
        path.rename(aside)
    except OSError:
        return False
    try:
        if _identity(aside.lstat()) == seen.identity:
            return True
        with suppress(OSError):
            os.link(aside, path)
        return False
    finally:
        with suppress(OSError):
            aside.unlink()


def _identity(status: os.stat_result) -> tuple[int, ...]:
    # the number of a removed file is given to the next one at once, hence the time
    return status.st_dev, status.st_ino, status.st_mtime_ns
