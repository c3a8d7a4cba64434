"""Files that another process may read at any moment: they appear whole or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, content: bytes, mode: int, *, follow: bool = False) -> None:
    """Write ``content`` to a new file next to ``path``, flush it to disk and rename it into place.

    A writer that is killed leaves ``path`` as it was and a file ``.NAME.….tmp`` next to it.

    :param mode: permission bits of the result, whatever the umask says; nobody gets more before that.
    :param follow: when ``path`` is a symlink write what it points to; else the symlink is replaced.
    :raises OSError: when that is impossible; ``path`` is then as it was.
    """
    if follow:
        path = Path(os.path.realpath(path))
    # a short name: the whole of a long one might leave no room for more
    temporary = path.with_name(f".{path.name[:40]}.{os.urandom(8).hex()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def why(error: OSError) -> str:
    """Return the operating system's reason in lower case, for the end of a sentence."""
    return (error.strerror or type(error).__name__).lower()
