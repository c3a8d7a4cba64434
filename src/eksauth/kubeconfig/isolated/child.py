"""Running one command in the foreground as if it had been started directly: its exit code, its signals."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import FrameType

from eksauth.errors import UsageError

_FORWARDED = [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2]
_FROM_TERMINAL = [signal.SIGINT, signal.SIGQUIT]


def run_child(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run a command to its end and return its exit code; 128 plus the number for a signal, as shells do.

    Signals that end or inform a process go to the command. What the terminal sends (Ctrl-C) reaches it anyway, so it is
    passed on only when there is none.

    :param environ: the command's environment; its ``PATH`` is where the command is looked up.
    :raises UsageError: when there is no such command (127) or it cannot be run (126).
    """
    require_command(argv[0], environ)
    runner = _Runner()
    before = {number: signal.getsignal(number) for number in (*_FORWARDED, *_FROM_TERMINAL)}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:  # nohup means it for the command, too
            signal.signal(number, runner.receive)
    try:
        runner.start(argv, environ)
        return exit_code(runner.wait())
    finally:
        for number, handler in before.items():
            if handler is not None:
                signal.signal(number, handler)


def exit_code(returned: int) -> int:
    """Return a process's result as shells see it."""
    return returned if returned >= 0 else 128 - returned


def require_command(command: str, environ: Mapping[str, str]) -> None:
    """Make sure that a command exists.

    :raises UsageError: with exit code 127 or 126, as shells have it.
    """
    if shutil.which(command, path=environ.get("PATH", os.defpath)) is not None:
        return
    if os.sep in command and os.path.exists(command):  # noqa: PTH110
        error = UsageError(f"cannot run {command}: it is not an executable file", code="command.not_executable")
        error.exit_code = 126
    else:
        error = UsageError(f"there is no command {command}", hint="check the spelling and PATH", code="command.missing")
        error.exit_code = 127
    raise error


class _Runner:
    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.early: list[int] = []

    def start(self, argv: Sequence[str], environ: Mapping[str, str]) -> None:
        try:
            self.process = subprocess.Popen(list(argv), env=dict(environ))
        except OSError as error:
            reason = (error.strerror or type(error).__name__).lower()
            failure = UsageError(f"cannot run {argv[0]}: {reason}", code="command.not_executable")
            failure.exit_code = 126
            raise failure from None
        for number in self.early:
            self._pass_on(number)

    def wait(self) -> int:
        if self.process is None:
            raise RuntimeError("nothing was started")
        return self.process.wait()

    def receive(self, number: int, _frame: FrameType | None) -> None:
        if self.process is None:
            self.early.append(number)
        else:
            self._pass_on(number)

    def _pass_on(self, number: int) -> None:
        if number in _FROM_TERMINAL and _has_terminal():
            return
        if self.process is not None:
            with suppress(ProcessLookupError):
                self.process.send_signal(number)


def _has_terminal() -> bool:
    """Tell whether a terminal sends its signals to our whole process group."""
    try:
        handle = os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(handle) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(handle)
