"""Where eksauth remembers things about kubeconfigs: backups and queues, private to the user."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from eksauth.errors import ConfigError


def state_directory(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return ``$EKSAUTH_STATE_DIR``, else ``$XDG_STATE_HOME/eksauth``, else ``~/.local/state/eksauth``.

    None when there is no home to put it in. The directory need not exist. Relative values are ignored, as the
    XDG base directory specification asks.
    """
    base = environ.get("EKSAUTH_STATE_DIR", "")
    if base[:1] != "/":
        xdg, home = environ.get("XDG_STATE_HOME", ""), environ.get("HOME", "")
        if xdg[:1] == "/":
            base = f"{xdg}/eksauth"
        elif home[:1] == "/":
            base = f"{home}/.local/state/eksauth"
    return Path(base) if base[:1] == "/" and "\0" not in base else None


def private_directory(path: Path) -> Path:
    """Make ``path`` with mode 0700 if it is missing, and return it.

    :raises OSError: when it cannot be made.
    :raises ConfigError: when it is a link or not ours, so that others could plant files in it.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise ConfigError(f"{path} is not a directory of ours", hint="move it away, or set EKSAUTH_STATE_DIR")
    if status.st_mode & 0o077:
        path.chmod(0o700)
    return path
