"""What happens to the audit log now and then: its directory is made, and a log that got large is put aside."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

KEPT = 4
"""So many old logs are kept, named ``….1`` (the newest) and so on."""


def make_directory(path: str) -> None:
    """Make the directory of the log, closed to everybody else.

    :raises OSError: when that is impossible.
    """
    directory = Path(path).parent
    directory.parent.mkdir(parents=True, exist_ok=True)
    directory.mkdir(mode=0o700, exist_ok=True)


def put_aside(path: str, handle: int) -> bool:
    """Rename the log that is open as ``handle``, and older ones with it; tell whether there is a new one to write to.

    False when another process does it at this moment, or when it is impossible: then the log just gets larger. The lock
    is on the log itself, so it moves away with it, and who gets it later sees that.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.path.samestat(os.stat(path), os.fstat(handle)):  # noqa: PTH116  compared with an open file
            return True
        for number in range(KEPT - 1, 0, -1):
            with suppress(FileNotFoundError):
                Path(f"{path}.{number}").replace(f"{path}.{number + 1}")
        Path(path).replace(f"{path}.1")
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
