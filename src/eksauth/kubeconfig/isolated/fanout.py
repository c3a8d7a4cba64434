"""The same command in many contexts at once: started, collected, judged."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import IO

from eksauth.kubeconfig.isolated.child import exit_code

_GRACE_SECONDS = 5.0
NOT_STARTED = 126
TIMED_OUT = 124


class State(Enum):
    """What became of one run."""

    DONE = "done"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    STOPPED = "stopped"
    SKIPPED = "skipped"


@dataclass(slots=True)
class Run:
    """The command in one context.

    :ivar exit_code: as shells see it, 124 for a time-out; None when it was not run to its end.
    :ivar seconds: how long it took.
    """

    context: str
    state: State = State.SKIPPED
    exit_code: int | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Job:
    """What to run.

    :ivar prepare: gives a context's environment; called in a thread of its own, and raises what it raises.
    :ivar line: gets the context, which stream it came from (1 or 2), and the line as written, for each as it comes.
    :ivar timeout: seconds for each run; None for no limit.
    """

    argv: tuple[str, ...]
    contexts: tuple[str, ...]
    prepare: Callable[[str], Mapping[str, str]]
    line: Callable[[str, int, bytes], None]
    started: Callable[[str], None]
    ended: Callable[[Run], None]
    jobs: int = 8
    fail_fast: bool = False
    timeout: float | None = None


def fan_out(job: Job) -> list[Run]:
    """Run the command in every context, ``job.jobs`` at a time, and return the runs in the order of the contexts.

    With ``fail_fast`` the first failure stops what runs (SIGTERM, later SIGKILL) and starts nothing more. An interrupt
    does the same and is raised on.
    """
    running = _Running(job)
    waiting = list(reversed(job.contexts))
    futures: dict[Future[Run], str] = {}
    runs = {context: Run(context) for context in job.contexts}
    pool = ThreadPoolExecutor(max_workers=max(1, job.jobs), thread_name_prefix="each")
    try:
        while waiting or futures:
            while waiting and len(futures) < job.jobs and not running.stopped.is_set():
                context = waiting.pop()
                futures[pool.submit(running.run, context)] = context
            if not futures:
                break
            finished, _ = wait(futures, return_when=FIRST_COMPLETED)
            for future in finished:
                context = futures.pop(future)
                runs[context] = future.result()
                job.ended(runs[context])
                if job.fail_fast and runs[context].state is not State.DONE:
                    running.stop()
    except BaseException:
        running.stop()
        raise
    finally:
        pool.shutdown(wait=True)
    return [runs[context] for context in job.contexts]


def worst(runs: Sequence[Run]) -> int:
    """Return the highest exit code of all runs, 0 when all succeeded."""
    return max((run.exit_code for run in runs if run.exit_code is not None), default=0)


@dataclass(slots=True)
class _Running:
    """The processes of now."""

    job: Job
    stopped: threading.Event = field(default_factory=threading.Event)
    _processes: set[subprocess.Popen[bytes]] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def stop(self) -> None:
        with self._lock:
            self.stopped.set()
            for process in self._processes:
                _signal(process, signal.SIGTERM)

    def run(self, context: str) -> Run:
        began = time.monotonic()
        environ = self.job.prepare(context)
        with self._lock:
            if self.stopped.is_set():
                return Run(context)
            try:
                # a session of its own: what it starts can be stopped with it, and nothing in it asks the terminal
                process = subprocess.Popen(
                    list(self.job.argv),
                    env=dict(environ),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    start_new_session=True,
                )
            except OSError as error:
                reason = (error.strerror or type(error).__name__).lower()
                self.job.line(context, 2, f"cannot run {self.job.argv[0]}: {reason}\n".encode(errors="replace"))
                return Run(context, State.FAILED, NOT_STARTED)
            self._processes.add(process)
        self.job.started(context)
        state, code = self._finish(context, process)
        with self._lock:
            self._processes.discard(process)
        return Run(context, state, code, time.monotonic() - began)

    def _finish(self, context: str, process: subprocess.Popen[bytes]) -> tuple[State, int | None]:
        pipes: list[tuple[IO[bytes] | None, int]] = [(process.stdout, 1), (process.stderr, 2)]
        readers = [
            threading.Thread(target=self._read, args=(context, pipe, stream), daemon=True)
            for pipe, stream in pipes
            if pipe is not None
        ]
        for reader in readers:
            reader.start()
        timed_out = False
        try:
            returned = self._wait(process)
        except subprocess.TimeoutExpired:
            timed_out = True
            returned = self._end(process)
        _signal(process, signal.SIGTERM)  # what it left behind in its session would keep the pipes open
        for reader in readers:
            reader.join(_GRACE_SECONDS)
        if any(reader.is_alive() for reader in readers):
            _signal(process, signal.SIGKILL)
            for reader in readers:
                reader.join()
        if timed_out:
            return State.TIMED_OUT, TIMED_OUT
        if returned and self.stopped.is_set() and returned in {-signal.SIGTERM, -signal.SIGKILL}:
            return State.STOPPED, None
        return (State.FAILED if returned else State.DONE), exit_code(returned)

    def _wait(self, process: subprocess.Popen[bytes]) -> int:
        deadline = None if self.job.timeout is None else time.monotonic() + self.job.timeout
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if self.stopped.is_set():
                return self._end(process)
            try:
                return process.wait(0.2 if left is None else min(0.2, left))
            except subprocess.TimeoutExpired:
                if left == 0.0:
                    raise

    def _end(self, process: subprocess.Popen[bytes]) -> int:
        _signal(process, signal.SIGTERM)
        try:
            return process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            _signal(process, signal.SIGKILL)
            return process.wait()

    def _read(self, context: str, pipe: IO[bytes], stream: int) -> None:
        with pipe:
            while line := pipe.readline(64 * 1024):
                self.job.line(context, stream, line)


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    """Signal everything in the process's session; its group outlives it while anything in it does."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
