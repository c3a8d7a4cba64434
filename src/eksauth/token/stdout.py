"""Getting a result out whole, or saying why not: a half-written token must not look like success."""

import os
import sys

_EBADF = 9  # the module errno is one more to load


def write_stdout(text: str) -> int:
    """Write ``text`` to standard output unbuffered; return the exit code, 0 or 7 after one line on stderr."""
    reason = _why_not_written(text.encode())
    if reason is None:
        return 0
    try:
        os.write(2, f"eksauth: error: cannot write to standard output: {reason.lower()}\n".encode())
    except OSError:  # then nobody is listening at all
        return 7
    return 7


def _why_not_written(data: bytes) -> str | None:
    if sys.stdout is None:  # closed before we started; its number may be another file by now
        return "it is closed"
    try:
        sys.stdout.flush()
        handle = sys.stdout.fileno()
        while data:
            data = data[os.write(handle, data) :]
    except OSError as error:
        return "it is closed" if error.errno == _EBADF else error.strerror or "unknown error"
    except ValueError:
        return "it is closed"
    return None
