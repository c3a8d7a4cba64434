"""Commands that a configuration names: bounded in time and size, ended with all that they started."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from eksauth.credentials.command_output import command_output
from eksauth.errors import CredentialsError


def _run(script: str, *, wait: float = 60, environ: dict[str, str] | None = None, attended: bool = False) -> bytes:
    return command_output(
        [sys.executable, "-c", script],
        purpose="the token of 'ci'",
        environ=environ or dict(os.environ),
        attended=attended,
        max_bytes=1000,
        wait=wait,
    )


def test_what_it_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stdout is the result, byte for byte; stderr is not; the environment is the one that was given."""
    monkeypatch.setenv("MINE", "not passed on")
    script = "import os, sys; print('talk', file=sys.stderr); sys.stdout.buffer.write(bytes([0, 255]) + str('MINE' in os.environ).encode())"

    assert _run(script, environ={"PATH": os.environ["PATH"]}) == b"\x00\xffFalse"


@pytest.mark.parametrize("attended", [False, True])
def test_nobody_waits_for_ever(tmp_path: Path, attended: bool) -> None:
    """A command that does not end is ended; without a terminal so is everything that it has started."""
    script = (
        "import os, time\n"
        f"child = os.fork() if {not attended} else 0\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(child))\n"
        "time.sleep(600)\n"
    )
    with pytest.raises(CredentialsError, match="took longer than 2 seconds") as caught:
        _run(script, wait=2, attended=attended)
    assert caught.value.code == "command.timeout"
    if attended:
        return
    deadline = time.monotonic() + 30
    while _runs(int((tmp_path / "pid").read_text() or 0)):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _runs(pid: int) -> bool:
    try:
        return pid > 0 and Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in {"Z", "X"}
    except FileNotFoundError:
        return False


def test_it_cannot_ask_without_a_person() -> None:
    """Standard input is empty, so a command that asks fails at once."""
    with pytest.raises(CredentialsError, match=r"exit code 1: .*EOFError"):
        _run("input()")


@pytest.mark.parametrize(
    "script, code, says",
    [
        pytest.param("print('x' * 1001)", "command.output", "more than 1000 bytes", id="too much"),
        pytest.param("print(' \\n')", "command.output", "printed nothing", id="blanks"),
        pytest.param("raise SystemExit(3)", "command.failed", "exit code 3", id="fails silently"),
        pytest.param(
            "import sys; sys.stderr.write('\\x1b[31mno\\nagent'); sys.exit(1)",
            "command.failed",
            "no agent",
            id="colours",
        ),
        pytest.param(
            "import sys; sys.stderr.write('x' * 10**6 + ' the end'); sys.exit(1)",
            "command.failed",
            "the end",
            id="talks",
        ),
        pytest.param("import os; os.kill(os.getpid(), 9)", "command.failed", "signal 9", id="killed"),
    ],
)
def test_failures(script: str, code: str, says: str) -> None:
    """Each failure is one printable line, with the end of what the command said to stderr."""
    with pytest.raises(CredentialsError, match=says) as caught:
        _run(script)
    assert caught.value.code == code
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("command", [[], [""], ["/no/such/program"], ["/etc"], ["a\0b"]])
def test_what_is_no_command(command: list[str]) -> None:
    """What cannot be started is told as that."""
    with pytest.raises(CredentialsError, match="cannot be started") as caught:
        command_output(command, purpose="a test", environ={})
    assert caught.value.code == "command.start"
