"""The recorded cases: kubeconfig files, kubectl commands, and what kubectl printed and wrote.

``$D`` stands for the directory that a case is laid out in; ``$CA_DATA`` and its like for the base64 of the files that
the set-up step ``pki`` puts there.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DIRECTORY = Path(__file__).parent / "cases"
PEM = {
    "ca.crt": ("$CA_DATA", "-----BEGIN CERTIFICATE-----\nQ0E=\n-----END CERTIFICATE-----\n"),
    "client.crt": ("$CERT_DATA", "-----BEGIN CERTIFICATE-----\nQ0xJRU5U\n-----END CERTIFICATE-----\n"),
    "client.key": ("$KEY_DATA", "-----BEGIN PRIVATE KEY-----\nS0VZ\n-----END PRIVATE KEY-----\n"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One command with its result; ``env`` and the texts are filled in for the case's directory."""

    run: tuple[str, ...]
    exit: int
    stdout: str
    stderr: str
    env: dict[str, str]
    cwd: Path
    as_nobody: bool


@dataclass(frozen=True, slots=True)
class Laid:
    """A case laid out in a directory."""

    directory: Path
    steps: tuple[Step, ...]
    after: dict[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Case:
    """A recorded case."""

    name: str
    recorded: dict[str, Any]

    @property
    def needs_root(self) -> bool:
        """Whether it changes owners or modes in ways that only root can."""
        return bool(self.recorded.get("needs_root"))

    def commands(self) -> list[str]:
        """Return the commands as text."""
        return [" ".join(step["run"]) for step in self.recorded["steps"]]

    def lay_out(self, directory: Path) -> Laid:
        """Write the files and return the steps with every placeholder filled in."""
        directory.mkdir(parents=True, exist_ok=True)
        for name, content in self.recorded["files"].items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, str):
                path.write_bytes(_fill(content, directory).encode())
            else:
                path.write_bytes(base64.b64decode(content["base64"]))
        for operation, *arguments in self.recorded.get("setup", []):
            _set_up(operation, [_fill(argument, directory) for argument in arguments], directory)
        common = self.recorded.get("env", {})
        steps = tuple(_step(step, common, directory) for step in self.recorded["steps"])
        after = {
            name: None if found is None else _fill(found["text"], directory)
            for name, found in self.recorded.get("after", {}).items()
        }
        return Laid(directory, steps, after)


def all_cases() -> list[Case]:
    """Return every recorded case, by name."""
    return [Case(path.stem, json.loads(path.read_text())) for path in sorted(DIRECTORY.glob("*.json"))]


def _step(recorded: dict[str, Any], common: dict[str, str], directory: Path) -> Step:
    env = {"HOME": str(directory / "home"), **common, **recorded.get("env", {})}
    return Step(
        tuple(_fill(word, directory) for word in recorded["run"]),
        recorded["exit"],
        _fill(recorded.get("stdout", ""), directory),
        _fill(recorded.get("stderr", ""), directory),
        {name: _fill(value, directory) for name, value in env.items() if value is not None},
        directory / recorded.get("cwd", "."),
        bool(recorded.get("as_nobody")),
    )


def _fill(text: str, directory: Path) -> str:
    for placeholder, pem in PEM.values():
        text = text.replace(placeholder, base64.b64encode(pem.encode()).decode())
    return text.replace("$D", str(directory)).replace("$PORT", "6443")


def _set_up(operation: str, arguments: list[str], directory: Path) -> None:
    if operation == "chmod":
        (directory / arguments[1]).chmod(int(arguments[0], 8))
    elif operation == "symlink":
        (directory / arguments[1]).symlink_to(arguments[0])
    elif operation == "mkdir":
        (directory / arguments[0]).mkdir(parents=True)
    elif operation == "pki":
        (directory / arguments[0]).mkdir(parents=True, exist_ok=True)
        for name, (_, pem) in PEM.items():
            (directory / arguments[0] / name).write_text(pem)
    elif operation != "chown_nobody":
        raise AssertionError(operation)
