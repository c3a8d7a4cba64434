"""The parent of a sandbox's processes: brings them up, watches them, loads edited mappings, takes them down.

Run as ``python -m eksauth.sandbox.supervisor``. It ends when it is told to (SIGTERM, SIGINT) or, with
``--lifeline``, when the other end of that pipe closes, which is how a test run or ``sandbox demo`` that is killed
leaves nothing behind. Its children in turn die with it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import select
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from eksauth.errors import EksauthError
from eksauth.sandbox.bringup import bring_up, reload_authenticator
from eksauth.sandbox.flavour import Flavour
from eksauth.sandbox.launcher import Launcher
from eksauth.sandbox.layout import Layout

_TICK_SECONDS = 0.25


class Supervisor:
    """Runs one sandbox from the first process to the last."""

    def __init__(self, layout: Layout, *, flavour: Flavour, lifeline: int | None = None) -> None:
        self._layout = layout
        self._flavour: Flavour = flavour
        self._lifeline = lifeline
        self._launcher = Launcher(layout)
        self._wake_read, self._wake_write = os.pipe()
        self._stopping = False
        self._configs: dict[str, bytes] = {}

    def run(self) -> int:
        """Serve until told to stop; return the exit code of the process."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        launcher = self._launcher
        launcher.set_state("starting")
        try:
            bring_up(launcher, self._flavour, self._interrupted)
        except EksauthError as error:
            launcher.stop_all()
            launcher.set_state("failed", f"{error.message}\n{error.hint or ''}")
            return error.exit_code
        except BaseException:
            launcher.stop_all()
            launcher.set_state("failed", "the supervisor itself failed; see its log\n")
            raise
        self._remember_configs()
        launcher.set_state("ready")
        try:
            while not self._interrupted():
                self._watch_components()
                self._watch_configs()
        finally:
            launcher.stop_all()
            with contextlib.suppress(OSError):  # `down` may have removed the directory already
                launcher.set_state("stopped")
        return 0

    def _on_signal(self, _number: int, _frame: object) -> None:
        self._stopping = True
        os.write(self._wake_write, b".")

    def _interrupted(self, patience: float = _TICK_SECONDS) -> bool:
        """Wait a moment; tell whether somebody wants the sandbox to end."""
        watched = [self._wake_read] + ([self._lifeline] if self._lifeline is not None else [])
        readable, _, _ = select.select(watched, [], [], 0 if self._stopping else patience)
        if self._lifeline is not None and self._lifeline in readable and not os.read(self._lifeline, 1):
            self._stopping = True
        return self._stopping

    def _watch_components(self) -> None:
        for name, code in self._launcher.dead():
            sys.stderr.write(f"component {name} ended by itself with code {code}\n")

    def _remember_configs(self) -> None:
        for cluster in self._launcher.manifest.clusters:
            self._configs[cluster.name] = self._read_config(cluster.name)

    def _read_config(self, name: str) -> bytes:
        try:
            return self._layout.cluster(name).server_config.read_bytes()
        except OSError:
            return b""

    def _watch_configs(self) -> None:
        for cluster in self._launcher.manifest.clusters:
            content = self._read_config(cluster.name)
            if content and content != self._configs[cluster.name]:
                self._configs[cluster.name] = content
                reload_authenticator(self._launcher, cluster)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the process."""
    parser = argparse.ArgumentParser(prog="eksauth-sandbox-supervisor")
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--api-server", choices=("auto", "embedded", "real"), default="auto")
    parser.add_argument("--lifeline", type=int)
    options = parser.parse_args(argv)
    supervisor = Supervisor(Layout(options.dir), flavour=options.api_server, lifeline=options.lifeline)
    return supervisor.run()


if __name__ == "__main__":
    sys.exit(main())
