"""What every command has in common: help with an example, results that arrive or fail, and one-line usage errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from eksauth.cli.main import root
from eksauth.cli.output import print_json

EKSAUTH = [sys.executable, "-P", "-m", "eksauth"]
TOKEN = "k8s-aws-v1.aHR0cHM6Ly9zdHMuYW1hem9uYXdzLmNvbS8_QWN0aW9uPUdldENhbGxlcklkZW50aXR5"
PRINTING = [
    pytest.param(["--help"], 0, id="help"),
    pytest.param(["--version"], 0, id="version"),
    pytest.param(["decode", "x"], 1, id="decode"),
    pytest.param(["decode", "x", "-o", "json"], 1, id="decode json"),
    pytest.param(["verify", "x", "--cluster-id", "demo"], 1, id="verify"),
    pytest.param(["sandbox", "status"], 1, id="sandbox status"),
]


def _commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    context = click.Context(group)
    for name in group.list_commands(context):
        try:
            child = group.get_command(context, name)
        except ImportError:  # the test of this command fails, not all of them
            child = None
        if isinstance(child, click.Group):
            yield from _commands(child, (*path, name))
        else:
            yield (*path, name)


@pytest.mark.parametrize("path", list(_commands(root)), ids=lambda path: " ".join(path) or "eksauth")
def test_every_command_has_help_with_an_example(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """Help is a result, on stdout, and shows a command line that somebody can copy."""
    root.main([*path, "--help"], prog_name="eksauth", standalone_mode=False)

    shown = capsys.readouterr().out
    assert "Example" in shown
    assert f"eksauth {' '.join(path)}".strip() in shown.split("Example", 1)[1]


@pytest.mark.parametrize("argv,code", PRINTING)
def test_a_result_that_cannot_be_written_is_a_failure(argv: list[str], code: int) -> None:
    """A full device and a closed stdout are exit code 7 and one line; with somebody to read it, it is the answer."""
    assert code == subprocess.run([*EKSAUTH, *argv], capture_output=True, check=False).returncode
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        refused = subprocess.run([*EKSAUTH, *argv], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    closed = subprocess.run(
        ["sh", "-c", '"$@" >&-', "sh", *EKSAUTH, *argv], capture_output=True, text=True, check=False
    )

    assert refused.returncode == 7
    assert refused.stderr == "eksauth: error: cannot write to standard output: no space left on device\n"
    assert closed.returncode == 7
    assert closed.stderr == "eksauth: error: cannot write to standard output: it is closed\n"


@pytest.mark.parametrize("argv,code", PRINTING)
def test_a_reader_that_leaves_is_not_an_answer(argv: list[str], code: int) -> None:
    """After ``| head -1`` nothing is said, and the code is that of SIGPIPE, not the one that means "the answer is no"."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([*EKSAUTH, *argv], stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)

    assert done.stderr == ""
    assert done.returncode == (0 if argv == ["--help"] else 141)
    assert code in {0, 1}


def test_a_command_that_prints_nothing_needs_no_stdout() -> None:
    """Closed streams are no reason to refuse what has no result."""
    command = '"$@" >&-'
    done = subprocess.run(["sh", "-c", command, "sh", *EKSAUTH, "sandbox", "down"], capture_output=True, check=False)
    assert done.returncode == 0


def test_ctrl_c_while_it_is_still_starting(tmp_path: Path) -> None:
    """Somebody who leaves before everything is imported sees no traceback."""
    (tmp_path / "click.py").write_text("raise KeyboardInterrupt")
    environ = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([*EKSAUTH, "login"], env=environ, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize("argv", [[], ["eks"], ["aws"], ["aws", "eks"], ["server"], ["sandbox"]], ids=" ".join)
def test_a_group_alone_lists_its_commands(argv: list[str]) -> None:
    """Without a command the help is shown as it is meant to look, on stderr: nothing was done, and the code says so."""
    done = subprocess.run([*EKSAUTH, *argv], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: eksauth")
    assert "\nCommands:\n" in done.stderr


@pytest.mark.parametrize(
    "argv,message,hint",
    [
        pytest.param(
            ["--region", "eu-west-1", "token"],
            "no such option '--region'",
            "options come after the command; see 'eksauth --help'",
            id="option before the command",
        ),
        pytest.param(["token", "--regoin", "x"], "no such option '--regoin'", "did you mean --region", id="misspelt"),
        pytest.param(["tokne"], "no such command 'tokne'", "did you mean 'token'", id="misspelt command"),
        pytest.param(["auth", "login"], "no such command 'auth'", "did you mean 'login'", id="a word too many"),
        pytest.param(
            ["token", "--cluster-name"],
            "option '--cluster-name' requires an argument",
            "see 'eksauth --help'",
            id="no value",
        ),
        pytest.param(["sandbox", "up", "--dir", ""], "--dir is empty", None, id="empty directory"),
    ],
)
def test_usage_errors(argv: list[str], message: str, hint: str | None) -> None:
    """One line says what is wrong, one what to do, and nothing else."""
    done = subprocess.run([*EKSAUTH, *argv], capture_output=True, text=True, check=False)

    lines = done.stderr.splitlines()
    assert (done.returncode, done.stdout, len(lines)) == (2, "", 2)
    assert lines[0] == f"eksauth: error: {message}"
    assert hint is None or lines[1] == f"eksauth: hint: {hint}"


def test_json_cannot_drive_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Escapes, C1 controls, bidirectional overrides and half surrogates come out as JSON escapes and mean the same."""
    value = {"name": "a\x1b[31m\x9b31m\x7f\u202e\udcff", "city": "Zürich"}

    print_json(value)

    shown = capsys.readouterr().out
    assert all(mark.isprintable() or mark == "\n" for mark in shown)
    assert "Zürich" in shown
    assert json.loads(shown) == value


@pytest.mark.parametrize("argv", [[TOKEN], ["decode", "-", TOKEN], ["token", TOKEN], ["token", "--duration", TOKEN]])
def test_a_token_in_the_wrong_place_is_not_repeated(argv: list[str]) -> None:
    """Standard error ends in logs; a usage error shows that there was a token, and no more of it."""
    done = subprocess.run([*EKSAUTH, *argv], capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "k8s-aws-v1.…" in done.stderr
    assert TOKEN[11:] not in done.stderr
