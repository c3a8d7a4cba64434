"""Which command goes into an exec entry: an absolute path that will still work tomorrow, from any directory.

kubectl looks a bare name up in the ``PATH`` of whoever runs it (an IDE, cron, another shell), and version managers'
shims choose a program by the directory they are run in. So the entry names the real program. Symbolic links are
followed only to find out what they lead to: a link such as ``~/.local/bin/eksauth`` outlives upgrades, its target does
not.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from eksauth.errors import ConfigError, UsageError

PROGRAM = "eksauth"
_MANAGERS = frozenset(("mise", "rtx", "asdf", "pyenv", "proto", "volta", "aqua", "uv", "uvx", "pipx", "hatch", "rye"))
_SHIM_WORDS = (b"pyenv exec", b"asdf exec", b"mise exec", b"mise x ", b"rtx exec", b"PYENV_ROOT", b"uv run", b"uvx ")
_CACHES = ("/uv/archive-v", "/uv/environments-v", "/uv/builds-v", "/.cache/uv/", "/.cache/pipx/", "/pipx/.cache/")


@dataclass(frozen=True, slots=True)
class FoundCommand:
    """The command for the entry.

    :ivar command: an absolute path, or what the user demanded, or the bare name as a last resort.
    :ivar leads_to: the file behind it when it is a link, else None.
    :ivar warning: what a person should know about it, or None.
    """

    command: str
    leads_to: str | None = None
    warning: str | None = None


def chosen_command(text: str, cwd: Path) -> FoundCommand:
    """Return what the user demanded: a bare name as it is, a path made absolute.

    :raises UsageError: for an empty one, or one with arguments in it, which no client understands.
    """
    if not text.strip() or not text.isprintable():
        raise UsageError("the exec command is empty or has control characters", hint=f"for example {PROGRAM}")
    if "/" not in text:
        if any(letter.isspace() for letter in text):
            raise UsageError("the exec command has blanks: kubectl would take all of it for one name", hint=_wrapper())
        return FoundCommand(text)
    path = Path(os.path.normpath(cwd / text))
    if any(letter.isspace() for letter in text) and not path.exists():
        raise UsageError(f"the exec command {text} does not exist", hint=_wrapper())
    usable = path.is_file() and os.access(path, os.X_OK)
    return FoundCommand(str(path), _target(path), None if usable else f"the exec command {path} is no program here")


def own_command(argv0: str, directories: Sequence[str], environ: Mapping[str, str], cwd: Path) -> FoundCommand:
    """Find this very eksauth.

    :param argv0: as what the process was started.
    :param directories: where the interpreter's scripts live, likeliest first.
    :raises ConfigError: when there is no program of that name anywhere.
    """
    tried = [Path(os.path.normpath(cwd / argv0))] if "/" in argv0 and Path(argv0).name == PROGRAM else []
    tried += [Path(directory, PROGRAM) for directory in directories if directory]
    tried += [Path(part, PROGRAM) for part in environ.get("PATH", "").split(os.pathsep) if part.startswith("/")]
    programs = [path for path in dict.fromkeys(tried) if path.is_file() and os.access(path, os.X_OK)]
    for path in programs:
        if not is_shim(path) and not is_temporary(path):
            skipped = path is not programs[0]
            why = f"the exec entry names {path}, because {programs[0]} {_why_not(programs[0])}" if skipped else None
            return FoundCommand(str(path), _target(path), why)
    if not programs:
        raise ConfigError(
            f"cannot tell where {PROGRAM} is installed",
            hint=f"give it with --exec-command {PROGRAM}",
            code="exec.command",
        )
    return FoundCommand(
        PROGRAM,
        warning=f"the exec entry names just '{PROGRAM}', because {programs[0]} {_why_not(programs[0])}; "
        f"install it for good (pipx install {PROGRAM}) or use --exec-command",
    )


def is_shim(path: Path) -> bool:
    """Tell whether ``path`` only starts a version manager, which then looks for the program."""
    real = Path(os.path.realpath(path))
    if real.name in _MANAGERS or "shims" in {path.parent.name, real.parent.name}:
        return True
    try:
        with real.open("rb") as stream:
            head = stream.read(2048)
    except OSError:
        return False
    first, _, rest = head.partition(b"\n")
    return first.startswith(b"#!") and b"sh" in first.rpartition(b"/")[2] and any(word in rest for word in _SHIM_WORDS)


def is_temporary(path: Path) -> bool:
    """Tell whether ``path`` lies in a cache that a tool may empty: ``uvx``, ``uv run --with``, ``pipx run``."""
    return any(cache in f"{path}\n{os.path.realpath(path)}" for cache in _CACHES)


def _why_not(path: Path) -> str:
    return "lives in a cache that may be emptied" if is_temporary(path) else "is a shim of a version manager"


def _target(path: Path) -> str | None:
    real = os.path.realpath(path)
    return real if real != str(path) else None


def _wrapper() -> str:
    return "name one program; put arguments into a small script"
