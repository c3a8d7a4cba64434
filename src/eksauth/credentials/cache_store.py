"""Writing to the credential cache: one process fetches while the others wait, and no reader ever sees half an entry.

The lock is ``flock`` on a file next to the entry, so a killed holder frees it. An entry is written to a temporary
file, flushed to disk and renamed. Nothing here is allowed to fail the command: without a usable cache the credentials
are simply fetched every time, with one line that says so.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from eksauth.credentials.cache import MIN_REMAINING_SECONDS, SUFFIX, cache_directory, encode_entry, is_private_directory
from eksauth.credentials.model import Credentials
from eksauth.files import write_whole

LOCK_WAIT_SECONDS = 60.0
"""How long to wait for another process to fetch the same credentials before fetching them here as well."""
_PRUNE_AFTER_SECONDS = 3 * 86400
"""Longer than any credentials live; what is older is garbage, and so is a lock nobody touched since."""


def store(environ: Mapping[str, str], key: str, credentials: Credentials, now: float) -> str | None:
    """Keep ``credentials`` under ``key`` and return None, or a one-line warning when that was impossible.

    Credentials that do not expire, or that expire too soon to be worth it, are left alone.
    """
    if credentials.expires_at is None or credentials.expires_at - now < MIN_REMAINING_SECONDS:
        return None
    try:
        entry = encode_entry(credentials)
    except ValueError:
        return None
    reason = store_private(environ, key + SUFFIX, entry)
    if reason is not None:
        return f"credentials are not cached: {reason}"
    prune(str(cache_directory(environ)), now)
    return None


def store_private(environ: Mapping[str, str], name: str, content: bytes) -> str | None:
    """Write file ``name`` of the cache whole, 0600, and return None, or the reason why that was impossible."""
    directory = cache_directory(environ)
    try:
        if not prepare_directory(directory):
            return f"{directory or 'its directory'} is not a directory of ours with mode 0700"
        write_whole(Path(f"{directory}/{name}"), content, 0o600)
    except OSError as error:
        return (error.strerror or "unknown error").lower()
    return None


def remove(environ: Mapping[str, str], name: str) -> bool:
    """Remove file ``name`` of the cache and tell whether it was there.

    :raises OSError: when it is there and stays.
    """
    directory = cache_directory(environ)
    if directory is None:
        return False
    with suppress(FileNotFoundError, NotADirectoryError):
        Path(f"{directory}/{name}").unlink()
        return True
    return False


def prepare_directory(directory: str | None) -> bool:
    """Make the cache directory if it is missing and tell whether it is private.

    :raises OSError: when it cannot be made.
    """
    if directory is None:
        return False
    path = Path(directory)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        path.mkdir(mode=0o700)
    return is_private_directory(directory)


@contextmanager
def refresh_lock(
    environ: Mapping[str, str],
    key: str,
    *,
    wait: float = LOCK_WAIT_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[bool]:
    """Hold the right to refresh ``key``; yields False when it could not be had (no cache, or ``wait`` seconds passed).

    Work goes on either way: the lock saves requests, it does not guard correctness.
    """
    handle = _open_lock(cache_directory(environ), key)
    if handle is None:
        yield False
        return
    try:
        yield _acquire(handle, clock() + wait, sleep, clock)
    finally:
        os.close(handle)


def _open_lock(directory: str | None, key: str) -> int | None:
    try:
        if not prepare_directory(directory):
            return None
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        return os.open(f"{directory}/{key}.lock", flags, 0o600)
    except OSError:
        return None


def _acquire(handle: int, deadline: float, sleep: Callable[[float], None], clock: Callable[[], float]) -> bool:
    pause = 0.01
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if clock() >= deadline:
                return False
            sleep(pause)
            pause = min(pause * 1.5, 0.2)
        except OSError:  # a file system without locks
            return False
        else:
            return True


def prune(directory: str, now: float) -> None:
    """Remove what earlier runs left: dead entries, temporary files of killed writers, old locks, indexes and notes."""
    with suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            if not entry.name.endswith((SUFFIX, ".lock", ".tmp", ".idx", ".failed", ".same")):
                continue
            with suppress(OSError):
                if now - entry.stat(follow_symlinks=False).st_mtime > _PRUNE_AFTER_SECONDS:
                    Path(entry.path).unlink()
