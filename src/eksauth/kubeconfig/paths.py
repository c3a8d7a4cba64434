"""Which kubeconfig files there are, in which order, and which of them a change belongs in.

Pure: the environment comes in as a mapping, and whether a file exists as a function. Source: kubectl's own rules
(client-go ``ClientConfigLoadingRules`` and ``PathOptions``).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from eksauth.errors import ConfigError


class Origin(Enum):
    """Who named the files."""

    FLAG = "--kubeconfig"
    VARIABLE = "KUBECONFIG"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Files:
    """The files to read, first one first.

    :ivar paths: as written, except that blank members and repeated ones are left out. ``~`` is not expanded. Empty
        when ``KUBECONFIG`` holds separators only.
    :ivar origin: who named them; a file named by the flag is not merged with anything.
    """

    paths: tuple[Path, ...]
    origin: Origin


def kubeconfig_files(
    environ: Mapping[str, str], *, kubeconfig: str | None = None, separator: str = os.pathsep
) -> Files:
    """Return the files that kubectl would read.

    :param environ: ``KUBECONFIG`` and ``HOME`` are looked at.
    :param kubeconfig: the ``--kubeconfig`` flag; one file name whatever it contains; empty means not given.
    """
    if kubeconfig:
        return Files((Path(kubeconfig),), Origin.FLAG)
    listed = environ.get("KUBECONFIG")
    if listed:
        parts = dict.fromkeys(part for part in listed.split(separator) if part)
        return Files(tuple(dict.fromkeys(map(Path, parts))), Origin.VARIABLE)
    return Files((Path(environ.get("HOME", ""), ".kube", "config"),), Origin.DEFAULT)


def default_target(files: Files, exists: Callable[[Path], bool] = Path.exists) -> Path:
    """Return the file that new entries and current-context are written to: the first that exists, else the last.

    :raises ConfigError: when there is no file to choose from.
    """
    if not files.paths:
        raise ConfigError(
            "KUBECONFIG names no file", hint="unset it to use ~/.kube/config, or pass --kubeconfig", code="kubeconfig"
        )
    return next((path for path in files.paths if exists(path)), files.paths[-1])


def directory_of(path: Path, cwd: Path) -> Path:
    """Return the directory that relative paths inside the file ``path`` start from; links are not followed.

    :param cwd: the working directory, absolute.
    """
    return Path(os.path.normpath(cwd / path)).parent


def absolute(written: str, directory: Path) -> str:
    """Return a path of a kubeconfig entry as an absolute one; empty stays empty, and ``~`` is an ordinary name."""
    if not written or written.startswith("/"):
        return written
    return os.path.normpath(directory / written)


def absolute_command(command: str, directory: Path) -> str:
    """Return the command of a credential plugin as kubectl runs it.

    A bare name is looked up in ``PATH`` later; a name with a slash is taken from the kubeconfig's directory.
    """
    return absolute(command, directory) if "/" in command else command
