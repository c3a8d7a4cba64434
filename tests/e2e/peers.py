"""The real programs that end-to-end tests talk to."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from eksauth.sandbox.binaries import find_kubectl

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def kubectls() -> dict[str, Path]:
    """Return every plain kubectl of this machine: the one that stands out, and the versions beside the one on PATH."""
    first = find_kubectl()
    if first is None:
        return {}
    found = {"first": first}
    on_path = find_kubectl({"PATH": os.environ.get("PATH", "")})
    if on_path is not None:
        found |= {path.name: path for path in sorted(on_path.parent.glob("kubectl.1.*")) if path.suffix[1:].isdigit()}
    return {name: path for name, path in found.items() if name == "first" or path != first}
