"""The files that entries name: certificates, keys and tokens. A kubeconfig from elsewhere may name anything."""

from __future__ import annotations

import errno
import os
import stat

MAX_BYTES = 8 << 20


def open_referenced(path: str | os.PathLike[str]) -> int:
    """Open a file or pipe, without waiting for somebody to write to the pipe, and return the descriptor.

    :raises OSError: also for directories, devices and paths that cannot be.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except ValueError:
        raise OSError(errno.EINVAL, "not a path") from None
    mode = os.fstat(handle).st_mode
    if stat.S_ISREG(mode) or stat.S_ISFIFO(mode):
        os.set_blocking(handle, True)
        return handle
    os.close(handle)
    if stat.S_ISDIR(mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    raise OSError(errno.ENODEV, "is a device")


def read_referenced(path: str | os.PathLike[str]) -> bytes:
    """Return the content of a file that is a certificate, a key or a token.

    :raises OSError: when it cannot be read, or is larger than any of these.
    """
    with os.fdopen(open_referenced(path), "rb") as stream:
        content = stream.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise OSError(errno.EFBIG, f"larger than {MAX_BYTES >> 20} MiB")
    return content
