"""Reading a file that a configuration names: bounded, never a device, never waiting for a pipe's other end."""

from __future__ import annotations

import os
import stat

from eksauth.errors import CredentialsError
from eksauth.files import why


def read_small(path: str, *, what: str, max_bytes: int, private: bool = False) -> bytes:
    """Return the content of a regular file; ``~`` stands for the home directory, links are followed.

    :param what: what the file holds, with its article: "the private key".
    :param private: refuse a file of somebody else, or one that others can read.
    :raises CredentialsError: when it is missing, unreadable, too large, no regular file or not private.
    """
    path = os.path.expanduser(path)  # noqa: PTH111  a relative path stays relative in messages
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise CredentialsError(
            f"{what} is not at {path}: no such file", hint="check the path in the configuration", code="file.missing"
        ) from None
    except (OSError, ValueError) as error:
        reason = why(error) if isinstance(error, OSError) else "it is no path"
        raise CredentialsError(f"{what} cannot be read from {path}: {reason}", code="file.unreadable") from None
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise CredentialsError(
                f"{what} cannot be read from {path}: not a regular file", code="file.unreadable"
            ) from None
        if private:
            _check_private(path, what, status)
        content = _read(handle, max_bytes + 1)
    except OSError as error:
        raise CredentialsError(f"{what} cannot be read from {path}: {why(error)}", code="file.unreadable") from None
    finally:
        os.close(handle)
    if len(content) > max_bytes:
        raise CredentialsError(f"{what} cannot be {path}: it has more than {max_bytes} bytes", code="file.too_large")
    return content


def _read(handle: int, size: int) -> bytes:
    content = bytearray()
    while len(content) < size:
        chunk = os.read(handle, size - len(content))
        if not chunk:
            break
        content += chunk
    return bytes(content)


def _check_private(path: str, what: str, status: os.stat_result) -> None:
    if status.st_uid not in {os.geteuid(), 0}:
        raise CredentialsError(
            f"{what} in {path} belongs to another user", hint="copy it to a file of your own", code="file.not_private"
        )
    # a group may read what root keeps for it, as with certificates of a host; everybody may not
    allowed = 0o040 if status.st_uid == 0 and os.geteuid() != 0 else 0
    if status.st_mode & 0o077 & ~allowed:
        raise CredentialsError(
            f"{what} in {path} can be read or changed by other users (mode {stat.S_IMODE(status.st_mode):04o})",
            hint=f"run: chmod 600 {path}",
            code="file.not_private",
        )
