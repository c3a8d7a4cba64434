"""Holding a set of kubeconfigs: our own queue first, then kubectl's locks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from eksauth.errors import ConfigError
from eksauth.kubeconfig.lock import WAIT_SECONDS, Locks, locked
from eksauth.kubeconfig.queue import Queue
from eksauth.kubeconfig.rivals import SETTLE_SECONDS
from eksauth.kubeconfig.state import state_directory
from eksauth.kubeconfig.write import ChangedMeanwhile

T = TypeVar("T")
_ATTEMPTS = 10
_QUEUE_SECONDS = 120.0
"""Patience with other eksauth processes: the queue moves, so a long one is no reason to give up."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How transactions behave.

    :ivar wait: seconds to wait for kubectl's locks in all.
    :ivar fix_permissions: take away what group and others may do with the files that are written.
    :ivar settle: seconds after which to look again when kubectl seems to be writing too; 0 never looks.
    """

    wait: float = WAIT_SECONDS
    fix_permissions: bool = False
    settle: float = SETTLE_SECONDS


@contextmanager
def holding(paths: Sequence[Path], settings: Settings, environ: Mapping[str, str]) -> Iterator[tuple[Queue, Locks]]:
    """Hold the queue and the locks of ``paths``.

    :raises ConfigError: ``kubeconfig.locked`` when that takes too long.
    """
    state = state_directory(environ)
    targets = [Path(os.path.realpath(path)) for path in paths]
    with (
        Queue(None if state is None else state / "queue", targets, wait=max(settings.wait, _QUEUE_SECONDS)) as queue,
        locked(paths, wait=settings.wait) as locks,
    ):
        yield queue, locks


def again_if_changed(work: Callable[[], T]) -> T:
    """Return what ``work`` returns; start it again when a file was written meanwhile by somebody without the lock.

    :raises ConfigError: ``kubeconfig.busy`` when that happens every time.
    """
    for _ in range(_ATTEMPTS):
        with suppress(ChangedMeanwhile):
            return work()
    raise ConfigError(
        "the kubeconfig keeps changing while it is being edited",
        hint="find out which program writes it all the time, then try again",
        code="kubeconfig.busy",
    )
