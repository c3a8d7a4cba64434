"""Variables as text that a shell, or something like one, reads: every value comes out as it went in."""

from __future__ import annotations

import json
import secrets
import shlex
from collections.abc import Mapping, Sequence
from typing import Literal

Syntax = Literal["bash", "zsh", "fish", "powershell", "json", "github", "dotenv"]
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@%+,=")
_POWERSHELL_QUOTES = "'\u2018\u2019\u201a\u201b"
"""All of these end a single-quoted string of PowerShell (about_Quoting_Rules)."""


def as_text(values: Mapping[str, str], unset: Sequence[str], syntax: Syntax) -> str:
    """Return text that sets ``values`` and takes ``unset`` away.

    JSON has null for what is to be taken away; a dotenv file cannot say that, and leaves it out. GitHub's file cannot
    either, so it gets empty values, which AWS SDKs take for none.
    """
    if syntax == "json":
        return json.dumps({**dict.fromkeys(unset), **values}, indent=2) + "\n"
    if syntax == "github":
        everything = {**dict.fromkeys(unset, ""), **values}
        return "".join([_heredoc(name, value) for name, value in everything.items()])
    lines = [] if syntax == "dotenv" else [_UNSET[syntax](name) for name in unset]
    lines += [_SET[syntax](name, value) for name, value in values.items()]
    return "".join([f"{line}\n" for line in lines])


def mask(value: str) -> str:
    """Return GitHub's command that hides ``value`` in the log of a workflow, one line per line of the value."""
    return "".join(
        [
            "::add-mask::" + line.replace("%", "%25").replace("\r", "%0D") + "\n"
            for line in value.split("\n")
            if line.strip()
        ]
    )


def _heredoc(name: str, value: str) -> str:
    """Return a block of GitHub's environment file; its end cannot be guessed, so no value can forge a variable."""
    end = f"EKSAUTH_{secrets.token_hex(16)}"
    return f"{name}<<{end}\n{value}\n{end}\n"


def _fish(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _powershell(value: str) -> str:
    return "'" + "".join([letter * 2 if letter in _POWERSHELL_QUOTES else letter for letter in value]) + "'"


def _dotenv(value: str) -> str:
    """Quote so that the readers of python-dotenv, Node, Docker Compose and POSIX shells agree wherever they can."""
    if value and _PLAIN.issuperset(value):
        return value
    if "'" not in value and "\n" not in value:
        return f"'{value}'"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$").replace("`", "\\`")
    return '"' + escaped.replace("\n", "\\n") + '"'


def _posix_set(name: str, value: str) -> str:
    return f"export {name}={shlex.quote(value)}"


def _posix_unset(name: str) -> str:
    return f"unset {name}"


def _fish_set(name: str, value: str) -> str:
    return f"set -gx {name} {_fish(value)}"


def _fish_unset(name: str) -> str:
    return f"set -e {name}"


def _powershell_set(name: str, value: str) -> str:
    return f"$env:{name} = {_powershell(value)}"


def _powershell_unset(name: str) -> str:
    return f"Remove-Item Env:{name} -ErrorAction SilentlyContinue"


def _dotenv_set(name: str, value: str) -> str:
    return f"{name}={_dotenv(value)}"


_SET = {
    "bash": _posix_set,
    "zsh": _posix_set,
    "fish": _fish_set,
    "powershell": _powershell_set,
    "dotenv": _dotenv_set,
}
_UNSET = {"bash": _posix_unset, "zsh": _posix_unset, "fish": _fish_unset, "powershell": _powershell_unset}
