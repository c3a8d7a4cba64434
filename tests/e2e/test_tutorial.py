"""The tutorial on signing in, typed as it is printed, with what it promises to show."""

from __future__ import annotations

import json
import os
import re
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.terminal import on_terminal
from tests.e2e.peers import kubectls

PAGE = Path(__file__).parents[2] / "docs" / "tutorial" / "sign-in.md"
INSTALLING, SIGNING_IN = "pipx install", "eksauth login admin"


def commands() -> list[tuple[str, list[str]]]:
    """Return the commands of the page in order, each with the lines that the page shows below it."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"^```console\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


class Shell:
    """One shell after the other, with the variables of the one before."""

    def __init__(self, home: Path, programs: Path) -> None:
        path = os.pathsep.join([str(Path(sys.executable).parent), str(programs), "/usr/bin", "/bin"])
        self.environ = {"PATH": path, "HOME": str(home), "TERM": "xterm"}

    def run(self, command: str) -> tuple[int, str]:
        """Run a line and return exit code and output; ``eval`` changes what follows."""
        left = Path(self.environ["HOME"]) / "variables"
        done = subprocess.run(
            ["bash", "-c", f"{command}\ncode=$?; env -0 > '{left}'; exit $code"],
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        variables = dict(one.split("=", 1) for one in left.read_text().split("\0") if "=" in one)
        if command.startswith("eval "):
            self.environ = variables
        return done.returncode, done.stdout + done.stderr

    def sign_in(self, command: str) -> tuple[int, str]:
        """Run a line at a terminal, and allow the code that it shows as dana would."""
        with on_terminal(["bash", "-c", command], self.environ) as terminal:
            shown = terminal.expect("user_code=") + terminal.expect("\n")
            self._allow(shown.rpartition("user_code=")[2].split()[0])
            return terminal.finish(), terminal.text

    def _allow(self, code: str) -> None:
        root = Path(self.environ["EKSAUTH_CONFIG"]).parent
        token = json.loads((root / "aws" / "config.json").read_text())["control_token"]
        request = urllib.request.Request(
            f"{self.environ['AWS_ENDPOINT_URL']}/_sandbox/sso/decide",
            data=json.dumps({"user_code": code, "user_name": "dana"}).encode(),
            headers={"Authorization": f"Bearer {token}"},
        )
        context = ssl.create_default_context(cafile=self.environ["AWS_CA_BUNDLE"])
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        opener.open(request, timeout=10).close()


@pytest.fixture(name="shell")
def shell_(home: Path, tmp_path: Path) -> Iterator[Shell]:
    """Return a shell whose sandbox is gone afterwards."""
    found = kubectls()
    if not found:
        pytest.skip("no kubectl here")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "kubectl").symlink_to(next(iter(found.values())))
    shell = Shell(home, programs)
    yield shell
    shell.run("eksauth sandbox down")


def test_every_command_does_what_the_page_says(shell: Shell) -> None:
    """Each ends well, or with the error that is shown, and each line of the page is part of what is printed."""
    told = commands()
    assert [one for one, _ in told].count(SIGNING_IN) == 1
    assert told[-1][0] == "eksauth sandbox down"
    for command, lines in told:
        if command.startswith(INSTALLING):
            continue
        code, output = shell.sign_in(command) if command == SIGNING_IN else shell.run(command)
        fails = any("hint: " in line or "Error" in line for line in lines)
        assert (code != 0) == fails, f"{command}: {output}"
        for line in lines:
            assert line in output, f"{command}: {output}"
    assert shell.run("eksauth sandbox status")[0] == 1
