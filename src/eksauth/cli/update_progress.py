"""What a person sees while EKS is being asked."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Self

from eksauth.cli.output import complain

if TYPE_CHECKING:
    from eksauth.aws.cluster_info import ClusterInfo


class UpdateProgress:
    """A progress bar on stderr when that is a terminal, else nothing; what is waited for is said in any case."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None
        self._said = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, done: int, known: int) -> None:
        """Show how many calls are done."""
        if sys.stderr is None or not sys.stderr.isatty():
            return
        if self._bar is None:
            from rich.console import Console
            from rich.progress import Progress

            self._bar = Progress(console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("asking EKS", total=known)
            self._bar.start()
        self._bar.update(self._task, completed=done, total=known)

    def waiting(self, cluster: ClusterInfo, seconds: float) -> None:
        """Say what is waited for, when it changes and after a minute."""
        text = f"cluster {cluster.name} in {cluster.region} is {cluster.status}"
        if text != self._said or seconds >= 60:
            self._said = text
            complain("waiting", f"{text} ({seconds:.0f} s)" if seconds else text)
