"""Moving an entry to a file in another directory: its relative paths are rewritten so that they mean the same file.

kubectl resolves them against the directory of the file that holds the entry, and rewrites three of the five when asked
to ``--flatten``; ``tokenFile`` and an exec command with a slash break silently. Bodies are plain values here, unknown
keys included.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from eksauth.kubeconfig.paths import absolute

_PATHS = {
    "clusters": ("certificate-authority",),
    "users": ("client-certificate", "client-key", "tokenFile"),
}


def rebased(section: str, body: Any, source: Path, target: Path | None) -> Any:
    """Return an entry's body for a file in another directory.

    :param source: absolute directory of the file that the entry comes from.
    :param target: absolute directory of the file that it goes to; None makes every path absolute, for a place that is
        not known. Paths below ``target`` stay relative, as ``kubectl config set-cluster`` writes them.
    """
    if not isinstance(body, dict) or source == target:
        return body
    changed: dict[str, Any] = {
        key: _moved(body[key], source, target)
        for key in _PATHS.get(section, ())
        if isinstance(body.get(key), str) and body[key]
    }
    plugin = body.get("exec") if section == "users" else None
    if isinstance(plugin, dict) and isinstance(plugin.get("command"), str) and "/" in plugin["command"]:
        # kubectl looks a relative command without a slash up in PATH, so it gets an absolute path
        changed["exec"] = {**plugin, "command": absolute(plugin["command"], source)}
    return {**body, **changed}


def _moved(written: str, source: Path, target: Path | None) -> str:
    whole = absolute(written, source)
    if target is None or written.startswith("/"):
        return whole
    relative = os.path.relpath(whole, target)
    return whole if relative.startswith("..") else relative
