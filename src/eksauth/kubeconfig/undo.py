"""Putting a kubeconfig back to what it was before an earlier write; this can be undone itself."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from eksauth.errors import ConfigError
from eksauth.kubeconfig import backup, snapshot
from eksauth.kubeconfig.backup import Backup
from eksauth.kubeconfig.links import resolve_target
from eksauth.kubeconfig.outcome import FileChange, Outcome
from eksauth.kubeconfig.session import Settings, again_if_changed, holding
from eksauth.kubeconfig.snapshot import Keeper, Snapshot
from eksauth.kubeconfig.state import state_directory


def list_backups(path: Path, *, environ: Mapping[str, str] = os.environ) -> list[Backup]:
    """Return the backups of a kubeconfig, newest first.

    :raises ConfigError: when its links lead in a circle.
    """
    return backup.list_backups(state_directory(environ), resolve_target(path))


def restore(
    path: Path,
    *,
    key: str | None = None,
    dry_run: bool = False,
    settings: Settings = Settings(),  # noqa: B008  frozen
    environ: Mapping[str, str] = os.environ,
    at: float | None = None,
) -> Outcome:
    """Put a kubeconfig back.

    :param key: which backup, from :func:`list_backups`; the newest that differs from the file when None.
    :param at: epoch seconds to remember as the time of this write: the same for files that belong together.
    :raises ConfigError: ``backup.none`` when there is nothing to go back to, ``backup.damaged`` for a damaged backup,
        and whatever locking and writing raise.
    """

    def work() -> Outcome:
        with holding([path], settings, environ) as (_, locks):
            if path in locks.unlockable:
                raise ConfigError(f"cannot lock {path}: {locks.unlockable[path]}", code="kubeconfig.unlockable")
            now = snapshot.take(path)
            chosen = _choose(list_backups(path, environ=environ), key, now)
            change = _put_back(now, chosen, settings, environ, time.time() if at is None else at)
            return Outcome((change[0],) if change else (), (*locks.warnings, *(change[1] if change else ())))

    if dry_run:
        now = snapshot.take(path)
        content = backup.read_backup(_choose(list_backups(path, environ=environ), key, now))
        same = content == now.content
        return Outcome(() if same else (FileChange(path, now.target, now.content, content),), dry_run=True)
    return again_if_changed(work)


def _choose(backups: list[Backup], key: str | None, now: Snapshot) -> Backup:
    if key is not None:
        for candidate in backups:
            if candidate.key == key:
                return candidate
        raise ConfigError(
            f"{now.path} has no backup {key}", hint="see: eksauth kubeconfig undo --list", code="backup.none"
        )
    digest = None if now.content is None else hashlib.sha256(now.content).hexdigest()
    for candidate in backups:
        if candidate.sha256 != digest:
            return candidate
    raise ConfigError(
        f"there is nothing to undo: eksauth has not changed {now.path}",
        hint="only writes of eksauth itself can be undone",
        code="backup.none",
    )


def _put_back(
    now: Snapshot, chosen: Backup, settings: Settings, environ: Mapping[str, str], at: float
) -> tuple[FileChange, list[str]] | None:
    content = backup.read_backup(chosen)
    if content == now.content:
        return None
    verb, _, what = chosen.reason.partition(": ")
    reason = {"undo": f"redo: {what}", "redo": f"undo: {what}"}.get(verb, f"undo: {chosen.reason}")
    keeper = Keeper(state_directory(environ), reason, at, fix_permissions=settings.fix_permissions)
    warnings: list[str] = []
    if content is None:
        keeper.keep(now, warnings)
        with suppress(FileNotFoundError):
            now.target.unlink()
        return FileChange(now.path, now.target, now.content, None), warnings
    written = keeper.replace(now, content, warnings)
    return FileChange(now.path, now.target, now.content, content, written.in_place), warnings
