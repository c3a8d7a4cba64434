"""Files that another process may read at any moment: they appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path


def write_whole(path: Path, content: bytes, mode: int) -> None:
    """Write ``content`` to a new file next to ``path`` and rename it into place; a symlink keeps pointing there.

    :param mode: permission bits of the result, whatever the umask says.
    :raises OSError: when that is impossible; ``path`` is then as it was.
    """
    path = path.resolve()
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        os.replace(temporary, path)  # noqa: PTH105  the pair of mkstemp
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108
        raise


def why(error: OSError) -> str:
    """Return the operating system's reason in lower case, for the end of a sentence."""
    return (error.strerror or type(error).__name__).lower()
