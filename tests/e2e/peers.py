"""The real programs that end-to-end tests talk to."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from eksauth.sandbox.binaries import find_kubectl

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def kubectls() -> dict[str, Path]:
    """Return every plain kubectl of this machine by version suffix."""
    newest = find_kubectl()
    if newest is None:
        return {}
    found = {
        path.name.removeprefix("kubectl."): path
        for path in newest.parent.glob("kubectl.1.*")
        if path.suffix[1:].isdigit()
    }
    return found or {"newest": newest}
