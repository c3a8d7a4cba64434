"""Writing a kubeconfig so that every reader sees the old file or the new one, never half of one.

The new content goes into a temporary file in the same directory, is flushed to disk and renamed over the file that the
links lead to. Mode, owner and extended attributes stay; a new file is 0600. What renaming cannot do (mounted files,
hard links, another owner) is done in place, carefully. kubectl truncates and rewrites; a full disk empties its file.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from eksauth.errors import ConfigError
from eksauth.kubeconfig.inplace import overwrite
from eksauth.kubeconfig.links import FileState, may_write, state_of

NEW_FILE_MODE = 0o600
_IN_PLACE = {errno.EBUSY, errno.EXDEV, errno.EPERM, errno.EACCES, errno.EROFS}
_HINTS = {
    errno.ENOSPC: "make room on the disk; the file is unchanged",
    errno.EDQUOT: "make room in your quota; the file is unchanged",
    errno.EFBIG: "raise the file size limit (ulimit -f); the file is unchanged",
    errno.EROFS: "the file system is read-only; copy the file elsewhere and set KUBECONFIG",
    errno.EACCES: "check who may write to the file and its directory",
}


class ChangedMeanwhile(Exception):
    """Somebody wrote the file after it was read, without asking for the lock; read it again."""


@dataclass(frozen=True, slots=True)
class Written:
    """How a file was written.

    :ivar state: the file afterwards.
    :ivar in_place: whether it was overwritten rather than replaced.
    """

    state: FileState
    in_place: bool = False


def write_target(
    target: Path,
    data: bytes,
    before: FileState,
    *,
    fix_permissions: bool = False,
    before_overwriting: Callable[[], None] = lambda: None,
) -> Written:
    """Write ``data`` to ``target``, whose links have been resolved and whose lock is held.

    :param before: the state the decision was made on; anything else on disk by now raises :class:`ChangedMeanwhile`.
    :param fix_permissions: take away what group and others may do.
    :param before_overwriting: called before a file is changed in place; makes sure that a backup is on the disk.
    :raises ConfigError: when it cannot be written; the old content is whole.
    """
    if before.exists and not may_write(target):
        raise ConfigError(
            f"{target} is read-only", hint=f"if it is to be changed: chmod u+w {target}", code="kubeconfig.readonly"
        )
    mode = before.mode if before.exists else NEW_FILE_MODE
    if fix_permissions:
        mode &= ~0o077
    try:
        remove_leftovers(target)
        in_place = before.links > 1
        if not in_place:
            in_place = not _replace(target, data, before, mode)
        if in_place:
            _check_unchanged(target, before)
            before_overwriting()
            overwrite(target, data)
            if mode != before.mode:
                target.chmod(mode)
    except OSError as error:
        raise _cannot_write(target, error) from None
    return Written(state_of(target), in_place)


def remove_leftovers(target: Path) -> None:
    """Remove temporary files that a killed writer left; with the lock held, none of them is in use."""
    prefix = _temporary_prefix(target)
    with suppress(OSError), os.scandir(target.parent) as entries:
        for entry in entries:
            if entry.name.startswith(prefix) and entry.name.endswith(".tmp"):
                with suppress(OSError):
                    Path(entry.path).unlink()


def _replace(target: Path, data: bytes, before: FileState, mode: int) -> bool:
    """Replace by renaming; False when only overwriting can work."""
    temporary = target.with_name(f"{_temporary_prefix(target)}{secrets.token_hex(6)}.tmp")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if before.exists and error.errno in {errno.EACCES, errno.EPERM}:
            return False
        raise
    try:
        try:
            if not _dress(handle, target, before, mode):
                return False
            view = memoryview(data)
            while view:
                view = view[os.write(handle, view) :]
            os.fsync(handle)
        finally:
            os.close(handle)
        _check_unchanged(target, before)
        try:
            temporary.replace(target)
        except OSError as error:
            if before.exists and error.errno in _IN_PLACE:
                return False
            raise
        _flush_directory(target.parent)
        return True
    finally:
        with suppress(OSError):
            temporary.unlink()


def _dress(handle: int, target: Path, before: FileState, mode: int) -> bool:
    """Give the temporary file the old one's owner, attributes and mode; False when the owner cannot be kept."""
    if before.exists:
        status = os.fstat(handle)
        if (status.st_uid, status.st_gid) != (before.uid, before.gid):
            try:
                os.fchown(handle, before.uid, before.gid)
            except OSError:
                return False
        _copy_attributes(handle, target)
    os.fchmod(handle, mode)
    return True


def _copy_attributes(handle: int, target: Path) -> None:
    if not hasattr(os, "listxattr"):
        return
    with suppress(OSError):
        for name in os.listxattr(target):
            with suppress(OSError):  # some belong to the kernel and cannot be set
                os.setxattr(handle, name, os.getxattr(target, name))


def _check_unchanged(target: Path, before: FileState) -> None:
    if state_of(target).identity != before.identity:
        raise ChangedMeanwhile


def _flush_directory(directory: Path) -> None:
    with suppress(OSError):  # the rename has happened; some file systems cannot flush a directory
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _temporary_prefix(target: Path) -> str:
    # a name of 255 bytes is as long as file systems allow
    return f".{target.name[:80]}.eksauth-"


def _cannot_write(target: Path, error: OSError) -> ConfigError:
    number = error.errno or 0
    return ConfigError(
        f"cannot write {target}: {(error.strerror or type(error).__name__).lower()}",
        hint=_HINTS.get(number, "the file is unchanged"),
        code="kubeconfig.write",
    )
