"""The note inside a lock file: which process made it, and whether that process is certainly gone.

kubectl's own lock files are empty and say nothing; it does not read ours. A process counts as gone only when the note
was written on this very boot, in this process namespace, and no process with that id and start time is left. Anything
else (another host, a container, a reboot) is not proof.
"""

from __future__ import annotations

import json
import os
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

MAX_NOTE_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Holder:
    """A process, named so that a later process on the same machine can tell whether it still runs."""

    pid: int
    started: str
    host: str
    boot: str
    namespace: str

    def is_gone(self) -> bool:
        """Tell whether this process certainly no longer exists."""
        here = current_holder()
        if not here.boot or (self.host, self.boot, self.namespace) != (here.host, here.boot, here.namespace):
            return False
        return _start_time(self.pid) != self.started

    def encode(self) -> bytes:
        """Return the note to write into a lock file."""
        return json.dumps({"eksauth": asdict(self)}).encode() + b"\n"


def current_holder() -> Holder:
    """Return this process."""
    pid = os.getpid()
    return Holder(
        pid=pid,
        started=_start_time(pid) or "",
        host=socket.gethostname(),
        boot=_read("/proc/sys/kernel/random/boot_id").strip(),
        namespace=_link("/proc/self/ns/pid"),
    )


def decode_holder(note: bytes) -> Holder | None:
    """Return who wrote ``note``, or None for kubectl's empty files and everything else that is not ours."""
    try:
        fields = json.loads(note)["eksauth"]
        pid, *texts = (fields[name] for name in ("pid", "started", "host", "boot", "namespace"))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    if not isinstance(pid, int) or not all(isinstance(text, str) for text in texts):
        return None
    return Holder(pid, *texts)


def _start_time(pid: int) -> str | None:
    """Return the kernel's start time of a process (proc(5), stat field 22); None when there is no such process."""
    _, _, rest = _read(f"/proc/{pid}/stat").rpartition(")")
    fields = rest.split()
    return fields[19] if len(fields) > 19 else None


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _link(path: str) -> str:
    try:
        return str(Path(path).readlink())
    except OSError:
        return ""
