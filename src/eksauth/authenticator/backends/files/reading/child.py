"""The process that reads one content and ends.

It gives way to the one that serves (priority, and who is killed when memory is short), takes no more than it may, and
ends when nobody waits for it any more.
"""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import sys
from pathlib import Path
from threading import Thread
from typing import BinaryIO

from eksauth.authenticator.backends.files.reading.jobs import Content, Job
from eksauth.authenticator.backends.files.reading.wire import READY, decode_job, frames_of
from eksauth.errors import ConfigError

MEMORY_BYTES = 4 * 2**30
CPU_SECONDS = 240
_NICENESS = 10


def main() -> None:
    """Do the job on standard input, write its frames to standard output, and end the process."""
    _give_way()
    jobs, out = sys.stdin.buffer, sys.stdout.buffer
    job = decode_job(jobs.readline())
    Thread(target=_end_with, args=(jobs,), daemon=True).start()
    code = 0
    try:
        out.write(READY)
        out.flush()
        for frame in frames_of(lambda: _read(job)):
            out.write(frame)
        out.flush()
    except BaseException:  # noqa: BLE001  whoever waits sees that the last frame is missing, and nobody reads a traceback
        code = 70
    # freeing millions of nodes one by one is work for nothing
    os._exit(code)


def _read(job: Job) -> Content:
    try:
        return job.read()
    except MemoryError:
        what = getattr(job, "path", "") or getattr(job, "name", "")
        raise ConfigError(
            f"{what}: reading it takes more memory than there is", hint="this is too large, or the limit too low"
        ) from None


def _give_way() -> None:
    # everything that is made lives until the end
    gc.disable()
    os.nice(_NICENESS)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    for what, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with contextlib.suppress(OSError, ValueError):  # some systems know no limit of address space
            resource.setrlimit(what, (limit, hard))


def _end_with(parent: BinaryIO) -> None:
    """End when the other end of standard input is gone: the server is, or has closed it."""
    parent.read()
    os._exit(0)
