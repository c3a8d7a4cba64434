"""Reading the audit log: also what was put aside, oldest event first; damaged lines are left out and counted."""

from __future__ import annotations

import json
import os
import stat
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from eksauth.credentials.audit import FIELDS
from eksauth.credentials.audit_rotation import KEPT
from eksauth.credentials.timestamps import epoch_of
from eksauth.errors import ConfigError
from eksauth.files import why

_MAX_LINE = 8 << 10
_TEXT = frozenset({"time", "event", "parent", "host", *FIELDS} - {"until"})
_NUMBERS = frozenset({"pid", "until"})
Event = dict[str, str | int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which events to show; what is None does not matter.

    :ivar since: epoch seconds.
    :ivar identity: name, in any case.
    :ivar cluster: name or ARN, or a part of it.
    """

    since: float | None = None
    identity: str | None = None
    event: str | None = None
    cluster: str | None = None

    def takes(self, event: Event) -> bool:
        """Tell whether an event is one of those to show."""
        return (
            (self.since is None or (epoch_of(str(event["time"])) or 0) >= self.since)
            and (self.identity is None or str(event.get("identity", "")).lower() == self.identity.lower())
            and (self.event is None or event["event"] == self.event)
            and (self.cluster is None or self.cluster in str(event.get("cluster", "")))
        )


@dataclass(frozen=True, slots=True)
class Found:
    """Events, oldest first, and how many lines were no events at all.

    :ivar end: where reading ended in the newest log, in bytes.
    """

    events: tuple[Event, ...]
    damaged: int
    end: int


def read_log(path: str, wanted: Filter, *, last: int | None = None) -> Found:
    """Return the events that ``wanted`` takes, or the last few of them.

    :raises ConfigError: when a log is there but cannot be read.
    """
    events: deque[Event] = deque(maxlen=last)
    damaged = end = 0
    for name in (*(f"{path}.{number}" for number in range(KEPT, 0, -1)), path):
        with _opened(name) as file:
            while line := file.readline(_MAX_LINE):
                event = decode(_whole(file, line))
                if event is None:
                    damaged += line != b"\n"
                elif wanted.takes(event):
                    events.append(event)
            end = file.tell()
    return Found(tuple(events), damaged, end)


def follow_log(
    path: str, wanted: Filter, start: int, *, sleep: Callable[[float], None] = time.sleep, pause: float = 0.5
) -> Iterator[Event]:
    """Give events as they are written, for ever; goes along when the log is put aside.

    :param start: where to begin in the newest log, in bytes.
    :raises ConfigError: when the log is there but cannot be read.
    """
    file, rest = _opened(path), b""
    file.seek(start)
    try:
        while True:
            moved = not _is_still(path, file)
            while line := file.readline(_MAX_LINE):
                rest += line
                if not rest.endswith(b"\n") and len(rest) < _MAX_LINE:
                    break  # somebody is writing it
                event, rest = decode(rest), b""
                if event is not None and wanted.takes(event):
                    yield event
            if moved:
                file.close()
                file, rest = _opened(path), b""
            else:
                sleep(pause)
    finally:
        file.close()


def decode(line: bytes | None) -> Event | None:
    """Return the event in a line, or None when there is none.

    Only what an event can hold is kept, in the types that it has there.
    """
    if line is None or not line.endswith(b"\n"):
        return None
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    event: Event = {}
    for name, value in found.items():
        if (name in _TEXT and isinstance(value, str)) or (name in _NUMBERS and type(value) is int):
            event[name] = value
        elif name in _TEXT or name in _NUMBERS:
            return None
    return event if "event" in event and epoch_of(str(event.get("time", ""))) is not None else None


def _opened(path: str) -> BinaryIO:
    """Open a log for reading; one that is not there is empty."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        handle = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        return os.fdopen(handle, "rb")
    except OSError as error:
        raise ConfigError(f"cannot read the audit log {path}: {why(error)}") from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise ConfigError(f"cannot read the audit log {path}: it is not a regular file")
    return os.fdopen(handle, "rb")


def _whole(file: BinaryIO, line: bytes) -> bytes | None:
    """Return ``line``, or None after skipping the rest of one that is too long for an event."""
    if line.endswith(b"\n") or len(line) < _MAX_LINE:
        return line
    while (more := file.readline(_MAX_LINE)) and not more.endswith(b"\n"):
        pass
    return None


def _is_still(path: str, file: BinaryIO) -> bool:
    try:
        return os.path.samestat(Path(path).stat(), os.fstat(file.fileno()))
    except OSError:
        return True  # there will be a new one soon
