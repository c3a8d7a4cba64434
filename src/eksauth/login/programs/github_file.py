"""The file through which one step of a GitHub Actions job gives variables to the next ones."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping

from eksauth.errors import ConfigError
from eksauth.files import why


def append_to_github_env(environ: Mapping[str, str], text: str) -> None:
    """Append blocks of variables to ``$GITHUB_ENV``, in one piece.

    :raises ConfigError: when there is no such file or it cannot be written.
    """
    path = environ.get("GITHUB_ENV", "")
    if not path:
        raise ConfigError(
            "GITHUB_ENV is not set: this is no step of a GitHub Actions job", hint="choose another format with -o"
        )
    try:
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise ConfigError(f"GITHUB_ENV: {path} is not a regular file")
            # what an earlier step left without a line end must not swallow our first name
            torn = status.st_size > 0 and os.pread(handle, 1, status.st_size - 1) != b"\n"
            data = ("\n" if torn else "").encode() + text.encode(errors="surrogateescape")
            while data:
                data = data[os.write(handle, data) :]
        finally:
            os.close(handle)
    except (OSError, ValueError) as error:
        reason = why(error) if isinstance(error, OSError) else "its path is impossible"
        raise ConfigError(f"cannot write to GITHUB_ENV ({path!r}): {reason}") from None
