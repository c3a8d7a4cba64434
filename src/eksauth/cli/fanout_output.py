"""Output of many commands that run at once: in order, in groups or as it comes, and a line of progress."""

from __future__ import annotations

import sys
import tempfile
import threading
from collections.abc import Sequence
from typing import IO

from eksauth.cli.output import one_line

_IN_MEMORY = 1 << 20


class Printer:
    """Writes lines so that no two contexts' lines mix.

    ``order``: each line behind its context's name, contexts in their order, the first unfinished one as it comes.
    ``group``: the same order, a heading before each context's output. ``live``: every line when it comes.
    """

    def __init__(self, contexts: Sequence[str], style: str, status: Status) -> None:
        self._contexts = list(contexts)
        self._style = style
        self._status = status
        self._width = max((len(one_line(context)) for context in contexts), default=0)
        self._kept: dict[str, IO[bytes]] = {}
        self._done: set[str] = set()
        self._headed: set[str] = set()
        self._lock = threading.Lock()

    def line(self, context: str, stream: int, line: bytes) -> None:
        """Take a line."""
        with self._lock:
            if self._style == "live" or (self._contexts and self._contexts[0] == context):
                self._write(context, stream, line)
                return
            if context not in self._kept:
                self._kept[context] = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  closed when printed
            self._kept[context].write(str(stream).encode() + line.removesuffix(b"\n") + b"\n")

    def end(self, context: str) -> None:
        """Note that a context's output is complete, and print what waited for it."""
        with self._lock:
            self._done.add(context)
            while self._contexts and self._contexts[0] in self._done:
                self._contexts.pop(0)
                if self._contexts:
                    self._print_kept(self._contexts[0])

    def end_all(self) -> None:
        """Print what is left, of contexts that were skipped in between too."""
        for context in list(self._contexts):
            self.end(context)

    def _print_kept(self, context: str) -> None:
        kept = self._kept.pop(context, None)
        if kept is not None:
            kept.seek(0)
            for line in kept:
                self._write(context, int(line[:1]), line[1:])
            kept.close()

    def _write(self, context: str, number: int, line: bytes) -> None:
        stream = sys.stderr if number == 2 else sys.stdout
        self._status.clear()
        if self._style == "group":
            if context not in self._headed:
                self._headed.add(context)
                self._put(sys.stdout, f"== {one_line(context)} ==\n".encode())
            self._put(stream, line if line.endswith(b"\n") else line + b"\n")
        else:
            self._put(stream, f"{one_line(context).ljust(self._width)} | ".encode() + line.removesuffix(b"\n") + b"\n")
        self._status.draw()

    @staticmethod
    def _put(stream: IO[str], data: bytes) -> None:
        stream.flush()
        stream.buffer.write(data)  # type: ignore[attr-defined]
        stream.buffer.flush()  # type: ignore[attr-defined]


class Status:
    """One line of progress at the foot of a terminal; nothing at all anywhere else."""

    def __init__(self, total: int, *, shown: bool) -> None:
        self._total = total
        self._shown = shown
        self._running: list[str] = []
        self._failed = self._ended = 0
        self._drawn = False
        self._lock = threading.RLock()

    def started(self, context: str) -> None:
        """Note a start."""
        with self._lock:
            self._running.append(context)
            self.draw()

    def ended(self, context: str, *, failed: bool) -> None:
        """Note an end."""
        with self._lock:
            if context in self._running:
                self._running.remove(context)
            self._ended += 1
            self._failed += failed
            self.draw()

    def draw(self) -> None:
        """Draw the line."""
        if not self._shown:
            return
        with self._lock:
            import shutil

            failed = f", {self._failed} failed" if self._failed else ""
            text = f"[{self._ended}/{self._total}{failed}] {', '.join(map(one_line, self._running))}"
            sys.stderr.write("\r\x1b[2K" + text[: max(10, shutil.get_terminal_size().columns - 1)])
            sys.stderr.flush()
            self._drawn = True

    def clear(self) -> None:
        """Take the line away."""
        with self._lock:
            if self._drawn:
                sys.stderr.write("\r\x1b[2K")
                sys.stderr.flush()
                self._drawn = False
