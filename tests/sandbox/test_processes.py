"""Processes of the sandbox are told from strangers and end for certain."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from eksauth.sandbox.processes import is_running, spawn, start_mark, terminate


def _wait_until(condition: Callable[[], bool], patience: float = 10.0) -> bool:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return bool(condition())


def test_a_process_is_itself_only_with_its_start_mark() -> None:
    """A number alone names nobody: the same number with another start is another process."""
    mark = start_mark(os.getpid())

    assert mark is not None
    assert is_running(os.getpid(), mark)
    assert not is_running(os.getpid(), mark + "1")
    assert not is_running(0, mark)


def test_a_zombie_is_gone(tmp_path: Path) -> None:
    """A child that ended but was not waited for does not count as running."""
    child = spawn(["true"], log=tmp_path / "log", environ=os.environ, dies_with_parent=False)

    assert _wait_until(lambda: start_mark(child.pid) is None)
    assert child.wait() == 0


def test_output_goes_to_a_private_log(tmp_path: Path) -> None:
    """Whatever a component prints is in its log, which only its owner may read."""
    log = tmp_path / "log"
    child = spawn([sys.executable, "-c", "print('hello')"], log=log, environ=os.environ, dies_with_parent=False)

    assert child.wait() == 0
    assert log.read_text() == "hello\n"
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_process_that_ignores_the_signal_is_killed(tmp_path: Path) -> None:
    """SIGTERM first, SIGKILL when that is not enough."""
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    log = tmp_path / "log"
    child = spawn([sys.executable, "-c", code], log=log, environ=os.environ, dies_with_parent=False)
    assert _wait_until(lambda: log.read_text() == "up\n")
    mark = start_mark(child.pid)
    assert mark is not None

    assert terminate(child.pid, mark, grace=0.2)
    assert child.wait() == -signal.SIGKILL


def test_a_stranger_with_the_same_number_is_left_alone(tmp_path: Path) -> None:
    """A stale record whose number was given to another process stops nothing."""
    child = spawn(["sleep", "60"], log=tmp_path / "log", environ=os.environ, dies_with_parent=False)
    try:
        assert terminate(child.pid, "another start", grace=0.1)
        assert child.poll() is None
    finally:
        child.kill()
        child.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel feature is Linux's")
def test_a_child_dies_with_a_killed_parent(tmp_path: Path) -> None:
    """Even SIGKILL to the parent leaves no orphan."""
    code = (
        "import os, sys, time; from pathlib import Path; from eksauth.sandbox.processes import spawn\n"
        "child = spawn(['sleep', '60'], log=Path(sys.argv[1]), environ=os.environ, dies_with_parent=True)\n"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "log")], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        pid = int(parent.stdout.readline())
    mark = start_mark(pid)
    assert mark is not None

    parent.kill()
    parent.wait()

    assert _wait_until(lambda: not is_running(pid, mark))
