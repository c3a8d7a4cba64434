"""A progress bar on stderr for work in steps, when somebody sees it; nothing otherwise."""

from __future__ import annotations

import sys
from typing import Any, Self


class StepProgress:
    """Shows what is being done and how much of it; one bar at a time, gone at the end."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None
        self._what = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def show(self, what: str, done: int, known: int) -> None:
        """Show that ``done`` of ``known`` parts are done; the bar goes away when all are."""
        if sys.stderr is None or not sys.stderr.isatty():
            return
        if what != self._what or done >= known:
            self.clear()
        if done >= known:
            return
        if self._bar is None:
            from rich.console import Console
            from rich.progress import Progress

            self._what = what
            self._bar = Progress(console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(what, total=known)
            self._bar.start()
        self._bar.update(self._task, completed=done, total=known)

    def clear(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
        self._bar, self._what = None, ""
