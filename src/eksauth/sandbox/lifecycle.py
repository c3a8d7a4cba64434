"""The life of a sandbox as a client sees it: up, status, down; safe to repeat and to interrupt."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from eksauth.errors import ConfigError, EksauthError
from eksauth.sandbox.flavour import Flavour
from eksauth.sandbox.layout import Layout
from eksauth.sandbox.manifest import Component, Manifest, read_manifest
from eksauth.sandbox.processes import is_running, python_module, terminate

START_PATIENCE_SECONDS = 120.0
_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class ComponentStatus:
    """One component and whether its process is there."""

    component: Component
    running: bool


@dataclass(frozen=True, slots=True)
class SandboxStatus:
    """What is left or running of a sandbox."""

    manifest: Manifest | None
    supervisor_running: bool
    components: tuple[ComponentStatus, ...]

    @property
    def healthy(self) -> bool:
        """Everything that a ready sandbox has is there."""
        ready = self.manifest is not None and self.manifest.state == "ready"
        return ready and self.supervisor_running and all(status.running for status in self.components)

    @property
    def verdict(self) -> str:
        """``ready``, ``starting``, ``failed``, ``stopped``, ``absent``; or ``crashed`` or ``incomplete``."""
        if self.manifest is None:
            return "absent"
        if not self.supervisor_running and self.manifest.state in {"starting", "ready"}:
            return "crashed"
        if self.manifest.state == "ready" and not self.healthy:
            return "incomplete"
        return self.manifest.state


def status(layout: Layout) -> SandboxStatus:
    """Look at the processes, not only at the file.

    :raises ConfigError: when the manifest is damaged, or somebody else's.
    """
    layout.require_ours()
    manifest = read_manifest(layout.manifest)
    if manifest is None:
        return SandboxStatus(None, supervisor_running=False, components=())
    return SandboxStatus(
        manifest,
        supervisor_running=is_running(manifest.supervisor_pid, manifest.supervisor_mark),
        components=tuple(
            ComponentStatus(component, is_running(component.pid, component.mark)) for component in manifest.components
        ),
    )


def require_ready(layout: Layout) -> Manifest:
    """Return the manifest of a sandbox that runs.

    :raises ConfigError: when there is none, or it is incomplete.
    """
    current = status(layout)
    if current.manifest is None or not current.supervisor_running:
        raise ConfigError("no sandbox is running", hint="start one with 'eksauth sandbox up'", code="sandbox.absent")
    if not current.healthy:
        raise ConfigError(
            "the sandbox is not complete",
            hint="see 'eksauth sandbox status'; 'eksauth sandbox down' then 'up' starts afresh",
            code="sandbox.incomplete",
        )
    return current.manifest


def up(
    layout: Layout,
    *,
    flavour: Flavour = "auto",
    tied: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[Manifest, int | None]:
    """Start a sandbox, or find that it is running; return its manifest and, when tied, the lifeline's descriptor.

    :param tied: make the sandbox end when this process closes the returned descriptor, or dies.
    :param progress: called with one line for each component that came up.
    :raises ConfigError: when the directory cannot be used.
    :raises EksauthError: when a component does not start; nothing is left running.
    """
    layout.make_root()
    with _locked(layout):
        current = _status_or_none(layout)
        if current is not None and current.healthy and current.manifest is not None:
            if tied:
                raise ConfigError(
                    f"a sandbox is running in {layout.root} already", hint="give another place with --dir"
                )
            progress("the sandbox is running already")
            return current.manifest, None
        if layout.is_sandbox():
            _clear(layout)  # what a crash left behind
        layout.create()
        return _start(layout, flavour, tied=tied, progress=progress)


def down(layout: Layout) -> bool:
    """Stop everything the sandbox started and remove its files; return whether there was anything.

    The directory goes too, unless it holds files that no sandbox made.

    :raises ConfigError: when the directory is somebody else's.
    :raises EksauthError: when a process cannot be stopped.
    """
    layout.require_ours()
    if not layout.is_sandbox():
        if layout.root.is_dir() and any(layout.root.iterdir()):
            raise ConfigError(f"{layout.root} is no sandbox; nothing was removed", code="sandbox.foreign_directory")
        return False
    with _locked(layout):
        _clear(layout)
        with contextlib.suppress(OSError):
            layout.lock.unlink()
            layout.root.rmdir()
    return True


def _start(
    layout: Layout, flavour: Flavour, *, tied: bool, progress: Callable[[str], None]
) -> tuple[Manifest, int | None]:
    command = [*python_module("eksauth.sandbox.supervisor"), "--dir", str(layout.root), "--api-server", flavour]
    read_end, write_end = os.pipe() if tied else (None, None)
    if read_end is not None:
        command += ["--lifeline", str(read_end)]
    log = os.open(layout.logs / "supervisor.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        supervisor = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=(read_end,) if read_end is not None else (),
        )
    finally:
        os.close(log)
        if read_end is not None:
            os.close(read_end)
    try:
        manifest = _wait_until_ready(layout, supervisor, progress)
    except BaseException:
        supervisor.terminate()
        supervisor.wait()
        _clear(layout, keep_logs=True)
        if write_end is not None:
            os.close(write_end)
        raise
    # not ours to wait for any more: it outlives this process unless tied
    supervisor.returncode = 0
    return manifest, write_end


def _wait_until_ready(layout: Layout, supervisor: subprocess.Popen[bytes], progress: Callable[[str], None]) -> Manifest:
    announced: set[str] = set()
    deadline = time.monotonic() + START_PATIENCE_SECONDS
    while time.monotonic() < deadline:
        manifest = read_manifest(layout.manifest)
        if manifest is not None:
            for component in manifest.components:
                if component.url and component.name not in announced:
                    announced.add(component.name)
                    progress(f"{component.name}: {component.url}")
            if manifest.state == "ready":
                return manifest
            if manifest.state == "failed":
                message, _, hint = manifest.message.partition("\n")
                raise EksauthError(message, hint=hint.strip() or None, code="sandbox.failed")
        if supervisor.poll() is not None:
            raise EksauthError(
                f"the sandbox's supervisor ended with code {supervisor.returncode}",
                hint=f"its log is {layout.logs / 'supervisor.log'}",
                code="sandbox.failed",
            )
        time.sleep(_POLL_SECONDS)
    raise EksauthError(
        f"the sandbox did not start within {START_PATIENCE_SECONDS:.0f} s",
        hint=f"its logs are in {layout.logs}",
        code="sandbox.failed",
    )


def _status_or_none(layout: Layout) -> SandboxStatus | None:
    try:
        return status(layout)
    except ConfigError:
        return None


def _clear(layout: Layout, *, keep_logs: bool = False) -> None:
    """Stop whatever the manifest names and remove the sandbox's files; the lock stays, and so does what is not ours."""
    current = _status_or_none(layout)
    stubborn = []
    if current is not None and current.manifest is not None:
        manifest = current.manifest
        # the supervisor first: it takes its children with it
        if not terminate(manifest.supervisor_pid, manifest.supervisor_mark, grace=20.0):
            stubborn.append(str(manifest.supervisor_pid))
        stubborn += [
            str(component.pid)
            for component in manifest.components
            if not terminate(component.pid, component.mark, grace=5.0)
        ]
    if stubborn:
        raise EksauthError(
            f"could not stop process {', '.join(stubborn)} of the sandbox",
            hint="it may belong to another user",
            code="sandbox.stubborn_process",
        )
    kept = {layout.lock.name} | ({layout.logs.name, layout.marker.name} if keep_logs else set())
    for entry in layout.root.iterdir():
        if entry.name in kept or not layout.is_own(entry.name):
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink(missing_ok=True)


@contextlib.contextmanager
def _locked(layout: Layout) -> Iterator[None]:
    """Let one command at a time start or stop the sandbox in this directory."""
    try:
        descriptor = os.open(layout.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise ConfigError(
            f"cannot use {layout.root} for the sandbox: {(error.strerror or str(error)).lower()}",
            hint="give another place with --dir",
            code="sandbox.unusable_directory",
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f"another command is starting or stopping the sandbox in {layout.root}",
                hint="wait for it, or give another place with --dir",
                code="sandbox.busy",
            ) from None
        yield
    finally:
        os.close(descriptor)


class Sandbox:
    """A sandbox tied to this process, as a context manager: for tests and for the demo.

    :param root: its directory; must not hold anything else.
    """

    def __init__(
        self, root: Path, *, flavour: Flavour = "auto", progress: Callable[[str], None] = lambda _: None
    ) -> None:
        self.layout = Layout(root)
        self._flavour: Flavour = flavour
        self._progress = progress
        self._lifeline: int | None = None
        self._supervisor_pid = 0

    def __enter__(self) -> Self:
        manifest, self._lifeline = up(self.layout, flavour=self._flavour, tied=True, progress=self._progress)
        self._supervisor_pid = manifest.supervisor_pid
        return self

    def __exit__(self, *_: object) -> None:
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None
        down(self.layout)
        if self._supervisor_pid:  # it was our child; nobody else will collect it
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self._supervisor_pid, os.WNOHANG)

    @property
    def manifest(self) -> Manifest:
        """What runs now.

        :raises ConfigError: when the sandbox is not running.
        """
        return require_ready(self.layout)
