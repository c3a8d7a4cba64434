"""Overwriting a file where it stands, for the files that cannot be replaced by renaming.

Those are single files mounted into a container, files with several hard links, and files of another owner. Room for the
new content is reserved before the first byte changes, so a full disk leaves the old content whole; only a crash in the
middle can tear it, which is why the caller keeps a backup first.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

_NOT_SUPPORTED = {errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS}


def overwrite(target: Path, data: bytes) -> None:
    """Replace the content of ``target``, keeping the file itself (inode, owner, mode, links).

    :raises OSError: before anything changed, when there is no room or no permission.
    """
    handle = os.open(target, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        size = os.fstat(handle).st_size
        if len(data) > size:
            _reserve(handle, size, len(data))
        view, offset = memoryview(data), 0
        while offset < len(data):
            offset += os.pwrite(handle, view[offset:], offset)
        os.ftruncate(handle, len(data))
        os.fsync(handle)
    finally:
        os.close(handle)


def _reserve(handle: int, size: int, wanted: int) -> None:
    try:
        os.posix_fallocate(handle, size, wanted - size)
    except OSError as error:
        with suppress(OSError):
            os.ftruncate(handle, size)
        if error.errno not in _NOT_SUPPORTED:
            raise
