"""Noticing that a file has other content: edited in place, replaced by a rename, or switched behind a symlink.

Kubernetes changes a mounted ConfigMap by pointing the symlink ``..data`` next to it elsewhere, so the directory is
watched; and since watches are a scarce thing on busy hosts, and some file systems have none, it is looked at now and
then as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

LOOK_SECONDS = 2.0
"""The longest that a change goes unnoticed where the system tells nothing."""
_SETTLE_SECONDS = 0.05

Signature = tuple[str, int, int, int] | None
"""Real path, inode, size and time of modification of a file; None when there is none."""


def signature_of(path: Path) -> Signature:
    """Return what changes when the file's content does."""
    try:
        status = path.stat()
        return str(path.resolve()), status.st_ino, status.st_size, status.st_mtime_ns
    except (OSError, RuntimeError):  # a loop of symlinks is a RuntimeError
        return None


async def watch_file(path: Path, changed: Callable[[], Awaitable[None]], *, seen: Signature) -> None:
    """Call ``changed`` whenever the file is another one than at the last call, until cancelled.

    :param seen: what the file was when it was read last; it may have changed since.
    """
    async with aclosing(_wake_ups(path.parent)) as wake_ups:
        async for _ in wake_ups:
            if signature_of(path) == seen:
                continue
            # a writer in place truncates first; what it writes later is another change anyhow
            await asyncio.sleep(_SETTLE_SECONDS)
            seen = signature_of(path)
            await changed()


async def _wake_ups(directory: Path) -> AsyncGenerator[None, None]:
    """Yield when something in the directory may have changed."""
    from watchfiles import awatch

    while True:
        yield None
        try:
            changes = awatch(
                directory,
                watch_filter=None,
                debounce=50,
                step=20,
                rust_timeout=int(LOOK_SECONDS * 1000),
                yield_on_timeout=True,
                recursive=False,
            )
            async with aclosing(changes):
                async for _ in changes:
                    yield None
        except (OSError, RuntimeError):  # no such directory (yet), or no more watches to be had
            await asyncio.sleep(LOOK_SECONDS)
