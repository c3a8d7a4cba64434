"""Variables as text: every value comes out of a real shell as it went in."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eksauth.login.programs.shell_syntax import Syntax, as_text, mask

NASTY = {
    "PLAIN": "eu-west-1",
    "EMPTY": "",
    "BLANKS": "  two  words ",
    "QUOTES": """it's "quoted" `x`""",
    "CURLY": "\u2018a\u2019 \u201ab\u201b \u201cc\u201d",
    "DOLLARS": "$HOME ${HOME} $(touch /tmp/never) %PATH% !! #no ~",
    "SLASHES": r"\ \\ \n \' C:\x ",
    "LINES": "one\ntwo\n\nfour\n",
    "CONTROL": "a\tb\x01c\x1b[2J",
    "LETTERS": "grüße 😀",
    "HEREDOC": "EKSAUTH_0\nAWS_PROFILE<<X\nevil\nX",
    "DASHES": "-n -e",
    "EQUALS": "a=b;c&d|e>f<g(h)[i]{j}*?",
}
PROGRAM = {
    "bash": ["bash", "-c"],
    "zsh": ["zsh", "-f", "-c"],
    "fish": ["fish", "--no-config", "-c"],
    "powershell": ["pwsh", "-NoProfile", "-NonInteractive", "-Command"],
}


def seen_by(syntax: Syntax, text: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a program that a shell starts after reading ``text``."""
    argv = PROGRAM[syntax]
    if shutil.which(argv[0]) is None:
        pytest.skip(f"no {argv[0]} here")
    done = subprocess.run(
        [*argv, text + "\nenv -0"],
        env={"PATH": "/usr/bin:/bin", "HOME": "/", **environ},
        capture_output=True,
        check=True,
    )
    return dict(line.split("=", 1) for line in done.stdout.decode().split("\0") if line)


@pytest.mark.parametrize("syntax", ["bash", "zsh", "fish", "powershell"])
def test_values_survive_the_shell(syntax: Syntax) -> None:
    """Values of any kind are what the shell's children see; what is to be taken away is gone, whether it was there."""
    text = as_text(NASTY, ["GONE", "NEVER_THERE"], syntax)
    found = seen_by(syntax, text, {"GONE": "x", "LEFT": "y"})
    assert {name: found.get(name) for name in NASTY} == NASTY
    assert "GONE" not in found
    assert found["LEFT"] == "y"


VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60)


@settings(max_examples=40, deadline=None)
@given(value=VALUES)
def test_any_value_survives_bash(value: str) -> None:
    """There is no value that bash would understand as anything else."""
    assert seen_by("bash", as_text({"VALUE": value}, [], "bash"), {})["VALUE"] == value


@settings(max_examples=40, deadline=None)
@given(value=VALUES.filter(lambda value: "\n" not in value and "\r" not in value))
def test_any_line_in_a_dotenv_file_survives_a_shell(value: str) -> None:
    """A dotenv file with one-line values can also be sourced."""
    text = "set -a\n" + as_text({"VALUE": value}, ["GONE"], "dotenv")
    assert seen_by("bash", text, {})["VALUE"] == value


def test_dotenv() -> None:
    """Plain values stay bare; lines are escaped in double quotes; there is nothing to take away with."""
    assert as_text({"A": "x-1/2", "B": "", "C": "a b", "D": "it's", "E": 'l1\nl"2$'}, ["GONE"], "dotenv") == (
        "A=x-1/2\nB=''\nC='a b'\nD=\"it's\"\nE=\"l1\\nl\\\"2\\$\"\n"
    )


def test_json() -> None:
    """JSON says null for what is to be taken away."""
    assert json.loads(as_text(NASTY, ["GONE"], "json")) == {**NASTY, "GONE": None}


def github_reads(text: str) -> dict[str, str]:
    """Read a file of variables as the runner does: ``NAME<<END``, lines up to ``END``."""
    found, lines = {}, text.split("\n")
    while len(lines) > 1:
        name, end = lines.pop(0).split("<<", 1)
        value = []
        while (line := lines.pop(0)) != end:
            value.append(line)
        found[name] = "\n".join(value)
    assert lines == [""]
    return found


@given(values=st.dictionaries(st.from_regex(r"[A-Z_]{1,8}", fullmatch=True), VALUES, max_size=4))
def test_github(values: dict[str, str]) -> None:
    """The runner reads back what was written, and no value can end its block early; what is to go is empty."""
    assert github_reads(as_text(values, ["GONE!"], "github")) == {"GONE!": "", **values}


def test_github_ends_cannot_be_guessed() -> None:
    """Each block has an end of its own."""
    ends = re.findall("<<(.*)", as_text({"A": "", "B": ""}, ["C"], "github"))
    assert len(set(ends)) == 3
    assert all(len(end) >= 40 for end in ends)


def test_masks() -> None:
    """Each line of a secret is masked, in the runner's escapes; blank lines would mask everything."""
    assert mask("a%b\n\nc\r") == "::add-mask::a%25b\n::add-mask::c%0D\n"
