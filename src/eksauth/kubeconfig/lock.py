"""Locking kubeconfigs the way kubectl does, but with patience.

kubectl locks every file of its list, in sorted order, and fails at once when one is locked
(client-go ``tools/clientcmd/config.go``, ``ModifyConfig``). We take the same locks, so that kubectl is kept out while
we read, change and write; we wait for a lock that moves, and say what is wrong with one that does not. A lock is
removed only when its maker was an eksauth process that certainly no longer exists.

Signals that would end the process are held back from the first lock to the last release: no lock is left behind.
"""

from __future__ import annotations

import errno
import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from eksauth.errors import ConfigError
from eksauth.kubeconfig import lockfile
from eksauth.kubeconfig.holder import current_holder

WAIT_SECONDS = 15.0
"""How long to wait for locks in all; kubectl itself holds one for milliseconds."""
STALE_SECONDS = 60.0
"""A foreign lock older than this is not waited for: no writer needs that long."""
_STALE_GRACE = 0.5
_ENDING = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
_UNLOCKABLE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP}


@dataclass(slots=True)
class Locks:
    """What was locked.

    ``unlockable`` maps a path to the reason why no lock could be made beside it: such a file must not be written.
    ``rival_seen`` tells that another program held one of the locks meanwhile.
    """

    unlockable: dict[Path, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    rival_seen: bool = False


@contextmanager
def locked(
    paths: Sequence[Path],
    *,
    wait: float = WAIT_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
    now: Callable[[], float] = time.time,
) -> Iterator[Locks]:
    """Hold the locks of all ``paths`` (existing or not), those of the files they link to included.

    :param wait: seconds to wait in all.
    :raises ConfigError: ``kubeconfig.locked`` when a lock stays taken; the message says which, since when and by whom.
    """
    locks = Locks()
    held: list[tuple[Path, tuple[int, ...]]] = []
    note = current_holder().encode()
    waiting = _Waiting(wait, sleep, clock, now)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        for lock, path in _lock_files(paths):
            try:
                held.append((lock, waiting.take(lock, path, note, locks)))
            except OSError as error:
                if error.errno not in _UNLOCKABLE:
                    raise ConfigError(
                        f"cannot lock {path}: {_reason(error)}",
                        hint=f"make room for {lock}" if error.errno == errno.ENOSPC else f"check {lock.parent}",
                    ) from None
                if lock == lock_path(path):  # the lock beside a link's target is a bonus: kubectl never takes it
                    locks.unlockable[path] = _reason(error)
        yield locks
    finally:
        for lock, identity in reversed(held):
            lockfile.release(lock, identity)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def lock_path(path: Path) -> Path:
    """Return kubectl's lock file for ``path``: beside it, also when it is a symbolic link.

    :raises ConfigError: ``kubeconfig.unreadable`` for ``.`` and ``/``, beside which there is nothing.
    """
    if not path.name:
        raise ConfigError(
            f"{path}: cannot be read: is a directory",
            hint="check KUBECONFIG and --kubeconfig",
            code="kubeconfig.unreadable",
        )
    return path.with_name(path.name + ".lock")


def _lock_files(paths: Sequence[Path]) -> list[tuple[Path, Path]]:
    """Return (lock file, path it protects), sorted as kubectl sorts, each real lock file once.

    Beside a link and beside what it leads to: a kubectl that was given the other name is kept out as well. Two
    spellings of one file, on which kubectl locks itself out, give one lock.
    """
    found: dict[str, tuple[Path, Path]] = {}
    for path in sorted(paths, key=os.fspath):
        for name in (path, Path(os.path.realpath(path))):
            lock = lock_path(name)
            found.setdefault(f"{os.path.realpath(lock.parent)}/{lock.name}", (lock, path))
    return list(found.values())


@dataclass(slots=True)
class _Waiting:
    """Patience that several locks share."""

    wait: float
    sleep: Callable[[float], None]
    clock: Callable[[], float]
    now: Callable[[], float]

    def take(self, lock: Path, path: Path, note: bytes, locks: Locks) -> tuple[int, ...]:
        began = self.clock()
        pause = 0.002
        while True:
            seen = lockfile.look(lock)
            if seen is None:
                try:
                    return lockfile.create(lock, note)
                except FileExistsError:
                    continue
            if seen.holder is None:
                locks.rival_seen = True
            elif seen.holder.is_gone():
                if lockfile.clear_dead(lock, seen):
                    locks.warnings.append(
                        f"removed {lock}, left behind by eksauth process {seen.holder.pid}, which no longer runs"
                    )
                continue
            if signal.sigpending() & _ENDING:
                raise ConfigError(f"interrupted while waiting for {lock}", code="kubeconfig.interrupted")
            waited = self.clock() - began
            age = max(0.0, self.now() - seen.modified)
            limit = min(self.wait, _STALE_GRACE) if age >= STALE_SECONDS else self.wait
            if waited >= limit:
                raise _held(lock, path, seen, age)
            self.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311  spreading, not secrecy
            pause = min(pause * 1.4, 0.04)


def _held(lock: Path, path: Path, seen: lockfile.LockSeen, age: float) -> ConfigError:
    if seen.holder is not None:
        who = f"eksauth process {seen.holder.pid} on {seen.holder.host}"
        hint = f"wait for it, or end it; if it does not run any more, remove the lock: rm {lock}"
    elif age >= STALE_SECONDS:
        who = "kubectl or another program, most likely killed while it wrote"
        hint = f"if no kubectl is writing now, remove it: rm {lock}"
    else:
        who = "kubectl or another program that is writing"
        hint = f"try again; if it stays, remove it: rm {lock}"
    return ConfigError(
        f"{path} is locked: {lock} was made {_duration(age)} ago by {who}", hint=hint, code="kubeconfig.locked"
    )


def _duration(seconds: float) -> str:
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
