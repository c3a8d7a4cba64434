"""Switching the current context without a YAML parser: the same queue, locks, backup and replacement as any write.

Done only where :mod:`eksauth.kubeconfig.scan` understands every file and the value is one line to replace; the outcome
is then byte for byte what :func:`eksauth.kubeconfig.store.apply` makes. Signs of another program that writes the same
file are left to that one as well.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

from eksauth.errors import ConfigError
from eksauth.kubeconfig import snapshot
from eksauth.kubeconfig.lock import WAIT_SECONDS, locked
from eksauth.kubeconfig.previous import read_previous, remember_previous
from eksauth.kubeconfig.queue import Queue
from eksauth.kubeconfig.quick import Quick, quick_files
from eksauth.kubeconfig.scan import is_plain, scan
from eksauth.kubeconfig.snapshot import Keeper, Snapshot
from eksauth.kubeconfig.state import state_directory
from eksauth.kubeconfig.write import ChangedMeanwhile

_RECENT_SECONDS = 2.0
_REMEMBERED_SECONDS = 6.0
"""A little more than :mod:`eksauth.kubeconfig.rivals` has, which is not loaded here."""


def quick_switch(name: str, environ: Mapping[str, str]) -> tuple[str, str] | None:
    """Make ``name`` the current context and return (it, the one before), or None when the full command has to do it.

    :param name: a context, or ``-`` for the one before.
    """
    paths = [Path(path) for path in quick_files(environ)]
    state = state_directory(environ)
    if state is None or not (name == "-" or is_plain(name)):
        return None
    targets = [Path(os.path.realpath(path)) for path in paths]
    try:
        with Queue(state / "queue", targets, wait=WAIT_SECONDS) as queue, locked(paths) as locks:
            if locks.rival_seen or locks.unlockable or locks.warnings:
                return None
            shots = [snapshot.take(path) for path in paths]
            merged = Quick()
            for shot in shots:
                if shot.content is not None:
                    found = scan(shot.content)
                    if found is None or shot.state.mode & 0o077:
                        return None
                    merged.add(str(shot.path), found)
            first = next((shot for shot in shots if shot.content is not None), None)
            if first is None:
                return None
            wanted = read_previous(state, first.target) if name == "-" else name
            context = merged.contexts.get(wanted or "")
            content = switched(first, merged, wanted or "")
            now = time.time()
            if context is None or context.protected or content is None or _is_contested(first, queue, now):
                return None
            if content != first.content:
                warnings: list[str] = []
                keeper = Keeper(state, f"switch to context {context.name}", now)
                written = keeper.replace(first, content, warnings)
                queue.remember(first.target, {"stamp": list(written.state.identity or ()), "rival": None})
                if merged.current != context.name:
                    remember_previous(state, first.target, merged.current)
            return context.name, merged.current
    except (ConfigError, ChangedMeanwhile):
        return None


def switched(shot: Snapshot, merged: Quick, name: str) -> bytes | None:
    """Return the first file's bytes with another current context."""
    found, content = merged.scans[0][1], shot.content or b""
    if found.start < 0 or not is_plain(name):
        return None
    old = content[found.start : found.end]
    quote = old[:1] if old[:1] in {b'"', b"'"} else b""
    if found.current == name:
        return content
    return content[: found.start] + quote + name.encode() + quote + content[found.end :]


def _is_contested(shot: Snapshot, queue: Queue, now: float) -> bool:
    """Tell whether :mod:`eksauth.kubeconfig.rivals` might see a rival at work."""
    known, identity = queue.recall(shot.target), shot.state.identity
    seen = known.get("rival")
    past = isinstance(seen, (int, float)) and now - seen > _REMEMBERED_SECONDS
    if identity is None or (seen is not None and not past):
        return True
    return known.get("stamp") != list(identity) and abs(now - identity[2] / 1e9) < _RECENT_SECONDS
