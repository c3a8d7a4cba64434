"""Which file a kubeconfig path really means, and whether it may be replaced.

kubectl writes through symbolic links, so a replacement has to happen where the last link leads.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from eksauth.errors import ConfigError

_MAX_LINKS = 40
"""What Linux follows as well (path_resolution(7))."""


@dataclass(frozen=True, slots=True)
class FileState:
    """What identifies one version of a file; None of it for a file that does not exist.

    Two equal states mean that nobody wrote in between, as far as the file system tells.
    """

    identity: tuple[int, int, int, int] | None
    mode: int = 0
    uid: int = -1
    gid: int = -1
    links: int = 0

    @property
    def exists(self) -> bool:
        """Whether there was a file."""
        return self.identity is not None


def resolve_target(path: Path) -> Path:
    """Return the absolute path that ``path`` leads to through any number of symbolic links; it need not exist.

    :raises ConfigError: ``kubeconfig.links`` when they lead in a circle.
    """
    target = path
    for _ in range(_MAX_LINKS):
        try:
            target = target.parent / target.readlink()
        except OSError as error:
            if isinstance(error, FileNotFoundError | NotADirectoryError) or error.errno == 22:  # EINVAL: no link
                return Path(os.path.realpath(target))
            raise ConfigError(f"{path}: {_reason(error)}", hint="check the path", code="kubeconfig.links") from None
    raise ConfigError(
        f"{path}: its symbolic links lead in a circle", hint=f"see: ls -l {path}", code="kubeconfig.links"
    )


def state_of(target: Path) -> FileState:
    """Return the state of a file that links have been resolved for.

    :raises ConfigError: when it is something other than a regular file, or cannot be looked at.
    """
    try:
        status = target.stat()
    except FileNotFoundError:
        return FileState(None)
    except OSError as error:
        raise ConfigError(f"{target}: {_reason(error)}", hint="check the path and its directories") from None
    if not stat.S_ISREG(status.st_mode):
        kind = "a directory" if stat.S_ISDIR(status.st_mode) else "not a regular file"
        raise ConfigError(f"{target} is {kind}; it cannot be written", hint="name a file", code="kubeconfig.type")
    return FileState(
        (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size),
        stat.S_IMODE(status.st_mode),
        status.st_uid,
        status.st_gid,
        status.st_nlink,
    )


def make_parent(target: Path) -> None:
    """Make the directories that ``target`` needs, mode 0700: they are about to hold credentials.

    :raises ConfigError: when that is impossible.
    """
    try:
        missing = [parent for parent in target.parents if not parent.exists()]
        for parent in reversed(missing):
            parent.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"cannot make the directory {target.parent}: {_reason(error)}", hint="check who may write there"
        ) from None


def may_write(target: Path) -> bool:
    """Tell whether the file's own mode lets us write; its directory is another matter."""
    return os.access(target, os.W_OK)


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
