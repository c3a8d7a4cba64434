"""What can be wrong in a kubeconfig file, with the place of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from eksauth.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that makes a file, or an entry of it, unusable.

    :ivar line: line, from 1; 0 when the file as a whole is meant.
    :ivar column: column in characters, from 1.
    :ivar message: what is wrong; one line, never with a secret.
    :ivar hint: how to mend it, or None.
    :ivar code: stable name such as ``kubeconfig.type``.
    """

    line: int
    column: int
    message: str
    hint: str | None = None
    code: str = "kubeconfig"

    def error(self, path: Path) -> ConfigError:
        """Return the problem as an error that names the file, the line and the column."""
        return PlacedError(path, self)


class PlacedError(ConfigError):
    """A problem as an error; ``problem`` has the place in parts."""

    def __init__(self, path: Path, problem: Problem) -> None:
        where = f"{path}:{problem.line}:{problem.column}" if problem.line else str(path)
        super().__init__(f"{where}: {problem.message}", hint=problem.hint, code=problem.code)
        self.problem = problem
