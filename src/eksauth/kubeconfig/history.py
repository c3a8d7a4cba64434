"""The writes that can be undone, over all kubeconfig files: one write may have changed several."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from eksauth.errors import ConfigError
from eksauth.kubeconfig.backup import Backup
from eksauth.kubeconfig.links import resolve_target
from eksauth.kubeconfig.source import read_file
from eksauth.kubeconfig.undo import list_backups


@dataclass(frozen=True, slots=True)
class Write:
    """One write of eksauth.

    :ivar key: names it.
    :ivar time: epoch seconds.
    :ivar reason: what it did.
    :ivar backups: what each of its files held before, with the path by which the file is known.
    """

    key: str
    time: float
    reason: str
    backups: tuple[tuple[Path, Backup], ...]


def list_writes(paths: Iterable[Path], *, environ: Mapping[str, str] = os.environ) -> list[Write]:
    """Return the writes that changed any of ``paths``, newest first.

    Files belong to one write when time and reason are the same: a transaction takes the time once.

    :raises ConfigError: when the links of a path lead in a circle.
    """
    together: dict[tuple[float, str], list[tuple[Path, Backup]]] = {}
    seen: set[Path] = set()
    for path in paths:
        for backup in list_backups(path, environ=environ):
            if backup.path not in seen:
                together.setdefault((backup.time, backup.reason), []).append((path, backup))
        seen.add(Path(os.path.normpath(Path.cwd() / resolve_target(path))))
    writes = [
        Write(min(backup.key for _, backup in backups), time, reason, tuple(backups))
        for (time, reason), backups in together.items()
    ]
    return sorted(writes, key=lambda write: write.key, reverse=True)


def choose_write(
    writes: list[Write], key: str | None, read: Callable[[Path], bytes | None] = read_file
) -> tuple[Write, list[tuple[Path, Backup]]]:
    """Return the write to take back and those of its files that would change.

    :param key: which one, or the end of its name; the newest that changes anything when None.
    :raises ConfigError: ``backup.none`` when there is none, or none of that name.
    """
    if key is not None:
        fitting = [write for write in writes if write.key == key or (len(key) >= 4 and write.key.endswith(key))]
        if len(fitting) != 1:
            problem = "several writes are" if fitting else "no write is"
            raise ConfigError(f"{problem} called {key}", hint="see: eksauth kubeconfig undo --list", code="backup.none")
        return fitting[0], list(fitting[0].backups)
    for write in writes:
        differing = [(path, backup) for path, backup in write.backups if _differs(read(path), backup)]
        if differing:
            return write, differing
    raise ConfigError(
        "there is nothing to undo", hint="only writes of eksauth itself can be undone", code="backup.none"
    )


def _differs(content: bytes | None, backup: Backup) -> bool:
    return (None if content is None else hashlib.sha256(content).hexdigest()) != backup.sha256
