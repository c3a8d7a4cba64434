"""The person at the terminal: what is asked and shown on stderr, and which browser is started."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.cli.terminal import Terminal, on_terminal

from eksauth.cli.human import TerminalHuman, terminal_human
from eksauth.cli.open_browser import browser_program, start
from eksauth.credentials.local_browser import why_no_local_browser

_ASK = """
import sys
from eksauth.cli.human import terminal_human
human = terminal_human()
assert human is not None
try:
    print("answer", repr({call}))
except KeyboardInterrupt:
    print("left")
"""


@contextmanager
def asked(call: str, **more: str) -> Iterator[Terminal]:
    """Ask a person on a terminal; what they answer is printed."""
    script = _ASK.replace("{call}", call)
    with on_terminal([sys.executable, "-P", "-c", script], {**os.environ, "TERM": "xterm", **more}) as terminal:
        yield terminal


@pytest.mark.parametrize(
    "call, keys, expected",
    [
        pytest.param("human.ask('Code')", "123456 \n", "answer '123456'", id="answer"),
        pytest.param("human.ask('Code')", "\x04", "left", id="end of input"),
        pytest.param("human.ask('Code')", "12\x03", "left", id="Ctrl-C"),
        pytest.param("human.ask('Code', secret=True)", "s3cret\n", "answer 's3cret'", id="secret"),
        pytest.param("human.ask('Code', secret=True)", "\x04", "left", id="secret, end of input"),
        pytest.param("human.confirm('Code')", "y\n", "answer True", id="yes"),
        pytest.param("human.confirm('Code')", "\n", "answer False", id="no is the default"),
        pytest.param("human.confirm('Code')", "yesterday\n", "answer False", id="neither"),
        pytest.param("human.choose('Code', ['dev', 'prod'])", "pr\r", "answer 'prod'", id="picked"),
        pytest.param("human.choose('Code', ['dev', 'prod'])", "\x03", "left", id="nothing picked"),
    ],
)
def test_answers(call: str, keys: str, expected: str) -> None:
    """A person's answer comes back; leaving is leaving, however it is done."""
    with asked(call) as terminal:
        terminal.expect("Code")
        terminal.send(keys)
        terminal.expect(expected)
        assert terminal.finish() == 0
        assert "s3cret" not in terminal.text.split("answer")[0]


def test_told_text_cannot_drive_the_terminal() -> None:
    """Escape sequences in what is told are shown, not sent."""
    with asked("human.tell('red \\x1b[31m alert\\nnext')") as terminal:
        terminal.expect("red \\x1b[31m alert\n")
        terminal.expect("next\n")


def test_nobody_without_a_terminal() -> None:
    """Under a test runner there is no terminal, so there is no person."""
    assert terminal_human() is None


def test_kubectl_says_that_nobody_is_there() -> None:
    """A terminal is not enough when kubectl says that the call is not interactive."""
    info = '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"interactive":false}}'
    script = "from eksauth.cli.human import terminal_human\nprint('human:', terminal_human())"
    environ = {**os.environ, "KUBERNETES_EXEC_INFO": info}
    with on_terminal([sys.executable, "-P", "-c", script], environ) as terminal:
        terminal.expect("human: None")


@pytest.mark.parametrize(
    "environ, platform, file, expected",
    [
        pytest.param({"DISPLAY": ":0"}, "linux", "", None, id="X11"),
        pytest.param({"WAYLAND_DISPLAY": "wayland-0"}, "linux", "", None, id="Wayland"),
        pytest.param({}, "linux", "", "there is no display", id="console"),
        pytest.param({}, "darwin", "", None, id="macOS"),
        pytest.param(
            {"DISPLAY": ":10", "SSH_CONNECTION": "a b"}, "linux", "", "this is an SSH session", id="SSH with X"
        ),
        pytest.param({"SSH_TTY": "/dev/pts/1"}, "darwin", "", "this is an SSH session", id="SSH to macOS"),
        pytest.param({"DISPLAY": ":0", "CI": "true"}, "linux", "", "this is a pipeline (CI is set)", id="CI"),
        pytest.param({"DISPLAY": ":0", "CI": "false"}, "linux", "", None, id="no CI"),
        pytest.param({"DISPLAY": ":0", "container": "podman"}, "linux", "", "this is a container", id="podman"),
        pytest.param({"DISPLAY": ":0"}, "linux", "/.dockerenv", "this is a container", id="docker"),
        pytest.param({"DISPLAY": ":0", "CODESPACES": "true"}, "linux", "", "this is a container", id="codespace"),
    ],
)
def test_where_a_browser_would_be_seen(
    environ: Mapping[str, str], platform: str, file: str, expected: str | None
) -> None:
    """A browser counts only in front of the person: not over SSH, in containers, pipelines or without a display."""
    assert why_no_local_browser(environ, platform=platform, exists=lambda path: path == file) == expected


def _browser(path: Path) -> Path:
    """Write a browser that notes the address and talks."""
    path.write_text(
        f'#!/bin/sh\necho noise; echo noise >&2\nprintf "%s\\n" "$@" > {path}.part\nmv {path}.part {path}.seen\n'
    )
    path.chmod(0o755)
    return path


def _seen(path: Path) -> str:
    deadline = time.monotonic() + 20
    while not (seen := Path(f"{path}.seen")).exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return seen.read_text()


@pytest.mark.parametrize(
    "form, expected",
    [
        pytest.param("{}", "https://portal/x\n", id="program"),
        pytest.param("/missing/browser:{} --new", "--new\nhttps://portal/x\n", id="second of a list"),
        pytest.param("{} --url=%s &", "--url=https://portal/x\n", id="with a place for the address"),
    ],
)
def test_browser_variable(
    form: str, expected: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """BROWSER is followed, also without a display, and what it prints goes nowhere."""
    browser = _browser(tmp_path / "browser")
    monkeypatch.setenv("BROWSER", form.format(browser))

    assert TerminalHuman(os.environ).browse("https://portal/x")

    assert _seen(browser) == expected
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http://portal.example/x",
        "--help",
        "https://portal/\n--x",
        "ftp://x",
    ],
)
def test_only_web_addresses_are_opened(url: str, tmp_path: Path) -> None:
    """An address that a server made up cannot be a file, a script, an option or plain http elsewhere."""
    browser = _browser(tmp_path / "browser")
    assert not TerminalHuman({"BROWSER": str(browser), "PATH": os.environ["PATH"]}).browse(url)


def test_no_browser_means_none(tmp_path: Path) -> None:
    """--no-browser beats BROWSER and a display."""
    environ = {"BROWSER": str(_browser(tmp_path / "browser")), "DISPLAY": ":0"}
    human = TerminalHuman(environ, no_browser=True)
    assert not human.has_browser()
    assert not human.browse("https://portal/x")


@pytest.mark.parametrize("broken", ["'", "", ":", "/missing", "&"])
def test_browser_variable_that_names_nothing(broken: str) -> None:
    """A BROWSER that cannot be run is none."""
    assert browser_program({"BROWSER": broken}) is None


def test_browser_that_fails_at_once() -> None:
    """A browser that ends with an error is no browser."""
    assert not start(["false"], "https://portal/x")
    assert not start(["/missing/browser"], "https://portal/x")
