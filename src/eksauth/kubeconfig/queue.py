"""The queue of eksauth processes in front of a kubeconfig, so that many at once are served one after the other.

kubectl's lock files have no queue: whoever asks at the right moment wins. Among ourselves an ``flock`` on a file in the
state directory comes first; the kernel frees it when a holder dies. The file also remembers who wrote the kubeconfig
last, which tells a rival's write from our own.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from eksauth.errors import ConfigError
from eksauth.kubeconfig.state import private_directory

_SLOW_PAUSE, _FAST_PAUSE = 0.025, 0.004


class Queue:
    """The places in the queues of several kubeconfigs; use as a context manager.

    :param directory: where the queue files live; None, or a directory that cannot be used, means no queue at all.
    :param targets: the real paths of the kubeconfigs.
    """

    def __init__(
        self,
        directory: Path | None,
        targets: list[Path],
        *,
        wait: float,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._directory = directory
        self._targets = {_name(target): target for target in targets}
        self._deadline = clock() + wait
        self._sleep = sleep
        self._clock = clock
        self._handles: dict[str, int] = {}

    def __enter__(self) -> Self:
        try:
            if self._directory is not None:
                private_directory(self._directory)
                for name in sorted(self._targets):  # one order for everybody, so that nobody waits in a circle
                    self._enter(name)
        except (OSError, ConfigError) as error:
            self.__exit__(None, None, None)
            if isinstance(error, ConfigError) and error.code == "kubeconfig.locked":
                raise
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._handles:
            os.close(self._handles.popitem()[1])

    def _enter(self, name: str) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        handle = os.open(f"{self._directory}/{name}.queue", flags, 0o600)
        try:
            self._wait_for(handle, self._targets[name])
        except BaseException:
            os.close(handle)
            raise
        self._handles[name] = handle

    def _wait_for(self, handle: int, target: Path) -> None:
        began = self._clock()
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                now = self._clock()
                if now >= self._deadline:
                    raise ConfigError(
                        f"{target} is being written by another eksauth process, which does not finish",
                        hint="look for a hanging eksauth process, then try again",
                        code="kubeconfig.locked",
                    ) from None
                # whoever has waited long asks more often than newcomers, so nobody is passed over for ever
                self._sleep(max(_FAST_PAUSE, _SLOW_PAUSE / (1 + now - began)))
            else:
                return

    def recall(self, target: Path) -> dict[str, Any]:
        """Return what :meth:`remember` kept about ``target``; empty when nothing is known."""
        handle = self._handles.get(_name(target))
        if handle is None:
            return {}
        try:
            kept = json.loads(os.pread(handle, 4096, 0) or b"{}")
        except (OSError, ValueError):
            return {}
        return kept if isinstance(kept, dict) else {}

    def remember(self, target: Path, facts: dict[str, Any]) -> None:
        """Keep small facts about ``target`` for whoever is next in the queue."""
        handle = self._handles.get(_name(target))
        if handle is not None:
            with suppress(OSError):
                os.ftruncate(handle, 0)
                os.pwrite(handle, json.dumps(facts).encode(), 0)


def _name(target: Path) -> str:
    return hashlib.sha256(os.fsencode(target)).hexdigest()[:32]
