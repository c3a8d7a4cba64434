"""Where a content is read, and how tables are made of it while requests are answered."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TypeVar

from eksauth.authenticator.backends.files.reading.apart import PAUSE, CannotStart, read_apart
from eksauth.authenticator.backends.files.reading.jobs import Content, Job, ServerConfigJob, whole_config
from eksauth.authenticator.config import ServerConfig
from eksauth.authenticator.mapping.steps import Steps

LARGE_BYTES = 256 * 1024
"""From here on a process of its own pays: below, parsing takes less than starting one."""

T = TypeVar("T")


async def read(job: Job, *, large: int = LARGE_BYTES) -> Content:
    """Do ``job``, in a process of its own when there are ``large`` bytes or more to read.

    :raises ConfigError: when the content cannot be used.
    :raises OSError: when the file of a dynamic file or of access entries cannot be opened.
    """
    try:
        size = await asyncio.to_thread(job.size)
    except OSError:
        size = 0  # reading says it better
    if size >= large:
        try:
            return await read_apart(job)
        except CannotStart:
            pass  # slower answers for a while are better than mappings that never change
    return await asyncio.to_thread(job.read)


async def read_server_config(path: Path) -> ServerConfig:
    """Read a server's configuration file; raises ConfigError."""
    return whole_config(await read(ServerConfigJob(str(path))))


async def paced(steps: Steps[T]) -> T:
    """Take one step at a time, with pauses in which requests are answered, and return the result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
        await asyncio.sleep(PAUSE)
