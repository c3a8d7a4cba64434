"""What is wrong with a configuration: every problem, with its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from eksauth.credentials.config.model import Place
from eksauth.errors import ConfigError, EksauthError

Severity = Literal["error", "warning", "note"]
_RANK = {"error": 0, "warning": 1, "note": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something to mend, or to know.

    :ivar severity: ``error`` is wrong, ``warning`` probably is, ``note`` says what a key does not do here.
    :ivar code: stable reason such as ``config.unknown_key``.
    :ivar fatal: the configuration cannot be used at all before this is mended.
    """

    place: Place
    severity: Severity
    message: str
    hint: str | None = None
    code: str = "config.value"
    fatal: bool = False

    def as_error(self) -> ConfigError:
        """Return it as the error that a command ends with."""
        return ConfigError(f"{self.place}: {self.message}", hint=self.hint, code=self.code)


def in_order(problems: list[Problem]) -> list[Problem]:
    """Return problems in the order of the text; at one place the worst first; each said once."""
    return sorted(
        dict.fromkeys(problems),
        key=lambda problem: (
            problem.place.file,
            problem.place.line,
            problem.place.column,
            _RANK[problem.severity],
            problem.message,
        ),
    )


def as_problem(error: EksauthError, path: str) -> Problem:
    """Return an error of reading the file as a problem at its place."""
    line, column = getattr(error, "line", 0) or 1, getattr(error, "column", 0) or 1
    message = getattr(error, "problem", None) or error.message.removeprefix(f"{path}: ")
    return Problem(
        place=Place(path, line, column), severity="error", message=message, hint=error.hint, code=error.code, fatal=True
    )
