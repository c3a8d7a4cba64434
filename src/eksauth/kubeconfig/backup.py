"""Backups of kubeconfigs: what each file held before each of our writes, for ``undo``.

Below the state directory every file has a directory of its own, named by a hash of its path. In it are contents
(``<sha256>.yaml``, each once) and records (``<time>.json``) that say when a file held which content and what was about
to be done to it. Everything is 0600 in 0700 directories. Number, age and size are bounded; the newest stay in any case.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from eksauth.errors import ConfigError
from eksauth.kubeconfig.state import private_directory

_MAX_RECORD_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class Limits:
    """How many backups of one file are kept: at most this many, this old (seconds) and this large (bytes in all).

    The newest ``always`` stay in any case.
    """

    count: int = 100
    seconds: float = 90 * 86400
    size: int = 64 << 20
    always: int = 5


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Backup:
    """What a kubeconfig held at some time.

    :ivar key: names the backup; later ones sort after earlier ones.
    :ivar path: the file, links resolved.
    :ivar time: epoch seconds of the write that replaced this content.
    :ivar reason: what that write did, one line for people.
    :ivar sha256: hash of the content; None for "the file did not exist".
    :ivar size: bytes.
    :ivar mode: permission bits.
    :ivar blob: the file that holds the content; None for "did not exist".
    """

    key: str
    path: Path
    time: float
    reason: str
    sha256: str | None
    size: int
    mode: int
    blob: Path | None


def backup_directory(state: Path, target: Path) -> Path:
    """Return where the backups of ``target`` (links resolved) live."""
    return state / "kubeconfig-backups" / hashlib.sha256(os.fsencode(target)).hexdigest()[:32]


def keep(
    state: Path,
    target: Path,
    content: bytes | None,
    *,
    mode: int,
    reason: str,
    now: float,
    durable: bool = False,
    limits: Limits = LIMITS,
) -> Backup:
    """Keep ``content`` (None: there is no file) as what ``target`` holds before a write.

    :param now: epoch seconds.
    :param durable: flush to disk; needed when the file is about to be overwritten in place.
    :raises OSError: when it cannot be kept.
    :raises ConfigError: when the directory belongs to somebody else.
    """
    private_directory(state)
    private_directory(state / "kubeconfig-backups")
    directory = private_directory(backup_directory(state, target))
    digest = None if content is None else hashlib.sha256(content).hexdigest()
    if content is not None and digest is not None:
        held = directory / f"{digest}.yaml"
        if durable or not _holds(held, len(content)):
            _put(held, content, durable=durable)
    latest = max((name for name in _record_names(directory)), default="")
    key = f"{max(int(now * 1e9), int(latest or 0) + 1):020d}"
    record = {"path": os.fspath(target), "time": now, "reason": reason, "sha256": digest, "mode": mode}
    record["size"] = len(content or b"")
    _put(directory / f"{key}.json", json.dumps(record).encode(), durable=durable)
    _prune(directory, now, limits)
    blob = None if digest is None else directory / f"{digest}.yaml"
    return Backup(key, target, now, reason, digest, len(content or b""), mode, blob)


def list_backups(state: Path | None, target: Path) -> list[Backup]:
    """Return the backups of ``target`` (links resolved), newest first; damaged records are left out."""
    if state is None:
        return []
    directory = backup_directory(state, target)
    found = (_read_record(directory, name, target) for name in sorted(_record_names(directory), reverse=True))
    return [backup for backup in found if backup is not None]


def read_backup(backup: Backup) -> bytes | None:
    """Return the content; None for "the file did not exist".

    :raises ConfigError: ``backup.damaged`` when it is missing or not what was kept.
    """
    if backup.sha256 is None or backup.blob is None:
        return None
    try:
        content = backup.blob.read_bytes()
    except OSError:
        content = b""
    if hashlib.sha256(content).hexdigest() != backup.sha256:
        raise ConfigError(
            f"the backup {backup.key} of {backup.path} is missing or damaged",
            hint="choose another one: eksauth kubeconfig undo --list",
            code="backup.damaged",
        )
    return content


def _record_names(directory: Path) -> Iterator[str]:
    with suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            stem, dot, suffix = entry.name.partition(".")
            if dot and suffix == "json" and stem.isascii() and stem.isdigit():
                yield stem


def _read_record(directory: Path, key: str, target: Path) -> Backup | None:
    try:
        with (directory / f"{key}.json").open("rb") as stream:
            record = json.loads(stream.read(_MAX_RECORD_BYTES))
        digest = record["sha256"]
        if digest is not None and not (isinstance(digest, str) and len(digest) == 64 and digest.isalnum()):
            return None
        blob = None if digest is None else directory / f"{digest}.yaml"
        time, reason, size = float(record["time"]), str(record["reason"]), int(record["size"])
        return Backup(key, target, time, reason, digest, size, int(record["mode"]) & 0o7777, blob)
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def _holds(blob: Path, size: int) -> bool:
    try:
        status = blob.lstat()
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size == size


def _put(path: Path, content: bytes, *, durable: bool) -> None:
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            view = memoryview(content)
            while view:
                view = view[os.write(handle, view) :]
            if durable:
                os.fsync(handle)
        finally:
            os.close(handle)
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def _prune(directory: Path, now: float, limits: Limits) -> None:
    """Forget what is beyond the bounds, then contents that no record names and temporary files of killed writers."""
    records: list[Backup] = []
    used: set[str] = set()
    kept_bytes = 0
    for name in sorted(_record_names(directory), reverse=True):
        record = _read_record(directory, name, directory)
        if record is not None:
            new = record.size if record.sha256 not in used else 0
            young = now - record.time <= limits.seconds
            within = len(records) < limits.count and young and kept_bytes + new <= limits.size
            if len(records) < limits.always or within:
                records.append(record)
                kept_bytes += new
                used.add(record.sha256 or "")
                continue
        with suppress(OSError):
            (directory / f"{name}.json").unlink()
    with suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            stem, _, suffix = entry.name.rpartition(".")
            abandoned = suffix == "tmp" and now - entry.stat(follow_symlinks=False).st_mtime > 3600
            if abandoned or (suffix == "yaml" and stem not in used):
                with suppress(OSError):
                    Path(entry.path).unlink()
