"""Reading in a process of its own, so that parsing takes neither the interpreter nor the memory of the one that serves.

The process starts anew instead of being forked: it has none of the server's threads, sockets, keys or tokens. Its life
is that of the call: whatever ends the call, cancellation included, kills it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

from eksauth.authenticator.backends.files.reading.jobs import Content, Job
from eksauth.authenticator.backends.files.reading.wire import HEADER, MAX_FRAME_BYTES, READY, Assembly, encode_job
from eksauth.errors import ConfigError

TIME_LIMIT = 300.0
PAUSE = 0.002
"""Seconds between two steps, for whoever else has something to do; a step takes about as long."""
_CODE = (
    "import sys; sys.path[:] = sys.argv[1:]; "
    "from eksauth.authenticator.backends.files.reading.child import main; main()"
)


class CannotStart(Exception):
    """No further process can begin here: the system is at a limit, or this is no interpreter that could be started."""


async def read_apart(job: Job) -> Content:
    """Do ``job`` in a process of its own.

    :raises ConfigError: the one of the job, or when the process died or took too long.
    :raises OSError: the one of the job.
    :raises CannotStart: nothing was done.
    """
    try:
        line = encode_job(job)
        process = await asyncio.create_subprocess_exec(
            *command(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # signals for the server's group are not for it
        )
    except (OSError, UnicodeEncodeError):  # the latter for a path that is no text
        raise CannotStart from None
    try:
        async with asyncio.timeout(TIME_LIMIT):
            return await _content(process, line)
    except TimeoutError:
        raise ConfigError(
            f"{_what(job)}: reading it took longer than {TIME_LIMIT:g} seconds", code="config.reader"
        ) from None
    except (EOFError, ConnectionError, ValueError) as error:
        code = await process.wait() if isinstance(error, EOFError) else 0
        why = f"was killed by {signal.Signals(-code).name}" if code < 0 else "did not finish"
        raise ConfigError(
            f"{_what(job)}: the process that reads it {why}",
            hint="is there enough memory for a file of this size",
            code="config.reader",
        ) from None
    finally:
        await _end(process)


def command() -> list[str]:
    """Return the arguments that start the process, with this one's own module path and none of a current directory."""
    path = [entry or str(Path.cwd()) for entry in sys.path]
    return [sys.executable, "-c", _CODE, *path]


async def _content(process: asyncio.subprocess.Process, line: bytes) -> Content:
    requests, frames = process.stdin, process.stdout
    if requests is None or frames is None:
        raise CannotStart
    try:
        requests.write(line)
        await requests.drain()
        begun = await frames.readexactly(len(READY))
    except (EOFError, ConnectionError):
        raise CannotStart from None
    if begun != READY:
        raise CannotStart
    assembly = Assembly()
    while assembly.content is None:
        size = int.from_bytes(await frames.readexactly(HEADER), "big")
        if size > MAX_FRAME_BYTES:
            raise ValueError("too large a frame")
        assembly.take(await frames.readexactly(size))
        await asyncio.sleep(PAUSE)
    return assembly.content


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            # not process.kill(): that would take the exit code away from the loop when the process has just ended
            os.kill(process.pid, signal.SIGKILL)
    # a cancelled call waits as well: it takes no time, and leaves nothing behind
    await process.wait()


def _what(job: Job) -> str:
    return getattr(job, "path", "") or getattr(job, "name", "")
