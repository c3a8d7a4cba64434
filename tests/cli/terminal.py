"""A program on a terminal of its own, typed at and read from like a person would."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_SEQUENCE = re.compile(r"\x1b\[[0-9;?<>=]*[a-zA-Z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[=>()][B0]?")
_DEADLINE = 30.0


class Terminal:
    """A running program and its screen, as text without control sequences."""

    def __init__(self, process: subprocess.Popen[bytes], handle: int) -> None:
        self.process = process
        self.raw = ""
        self.gone = False
        self._handle = handle
        self._read_to = 0

    @property
    def text(self) -> str:
        """Everything shown so far."""
        return _SEQUENCE.sub("", self.raw).replace("\r", "")

    def send(self, keys: str) -> None:
        """Type."""
        os.write(self._handle, keys.encode())

    def expect(self, text: str) -> str:
        """Wait until ``text`` is shown after what was expected before; return everything up to it."""
        deadline = time.monotonic() + _DEADLINE
        while True:
            at = self.text.find(text, self._read_to)
            if at >= 0:
                before = self.text[self._read_to : at + len(text)]
                self._read_to = at + len(text)
                return before
            if time.monotonic() > deadline or not self._read():
                raise AssertionError(f"{text!r} was not shown; shown was: {self.text[self._read_to :]!r}")

    def finish(self) -> int:
        """Read to the end and return the exit code."""
        while self._read():
            pass
        return self.process.wait(_DEADLINE)

    def hang_up(self) -> None:
        """Take the terminal away, as closing its window does, and wait for the program."""
        os.close(self._handle)
        self.gone = True
        self.process.wait(_DEADLINE)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._handle], [], [], 1.0)
        if not ready:
            return self.process.poll() is None
        try:
            data = os.read(self._handle, 65536)
        except OSError:  # the other side is gone
            return False
        if b"\x1b[6n" in data:  # where is the cursor, asks prompt_toolkit
            os.write(self._handle, b"\x1b[1;1R")
        if b"\x1b[c" in data or b"\x1b[0c" in data:  # which terminal is this, asks fish
            os.write(self._handle, b"\x1b[?62c")
        self.raw += data.decode(errors="replace")
        return bool(data)


@contextmanager
def on_terminal(argv: Sequence[str], environ: Mapping[str, str], cwd: Path | None = None) -> Iterator[Terminal]:
    """Start a program as the leader of a session on a new terminal, and end it with all that it started."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))

    def own_terminal() -> None:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(
        argv, stdin=theirs, stdout=theirs, stderr=theirs, env=dict(environ), preexec_fn=own_terminal, cwd=cwd
    )
    os.close(theirs)
    terminal = Terminal(process, ours)
    try:
        yield terminal
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGHUP)
        if not terminal.gone:
            os.close(ours)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
