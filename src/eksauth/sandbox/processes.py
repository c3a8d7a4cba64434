"""Processes that the sandbox starts: told apart from strangers that inherited their number, and stopped for certain."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def start_mark(pid: int) -> str | None:
    """Return a text that, with the number, names a process for good, or None when there is no such process.

    On Linux it is the start time in clock ticks since boot (field 22 of ``/proc/PID/stat``), elsewhere what ``ps``
    says. A zombie counts as gone.
    """
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            fields = stat.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in {"Z", "X"} else fields[19]
    shown = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return shown.stdout.strip() or None


def is_running(pid: int, mark: str) -> bool:
    """Tell whether the process ``pid`` is still the one that had ``mark``."""
    return pid > 0 and start_mark(pid) == mark


def python_module(module: str) -> list[str]:
    """Return the command that runs one of our modules in a process of its own.

    ``-P``: with ``-m`` alone Python would import from the directory that the user happens to be in first, and run
    whatever is called ``json.py`` there.
    """
    return [sys.executable, "-P", "-m", module]


def spawn(
    command: Sequence[str],
    *,
    log: Path,
    environ: Mapping[str, str],
    dies_with_parent: bool,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start ``command`` in a session of its own with its output in ``log`` (created 0600).

    :param dies_with_parent: have the kernel end it when its parent dies, however that dies (Linux only).
    """
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    # looked up before the fork: between fork and exec nothing may allocate
    libc = ctypes.CDLL(None) if dies_with_parent and sys.platform == "linux" else None
    parent = os.getpid()

    def tie_to_parent() -> None:
        if libc is not None:
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:  # it died before the line above took effect
                os._exit(1)

    try:
        return subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            env=dict(environ),
            start_new_session=True,
            pass_fds=tuple(pass_fds),
            preexec_fn=tie_to_parent,  # noqa: PLW1509  the supervisor has one thread
        )
    finally:
        os.close(descriptor)


def terminate(pid: int, mark: str, *, grace: float) -> bool:
    """End the process by SIGTERM, then after ``grace`` seconds by SIGKILL; return whether it is gone."""
    for number, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, 5.0)):
        if not is_running(pid, mark):
            return True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if not is_running(pid, mark):
                return True
            time.sleep(0.02)
    return not is_running(pid, mark)
