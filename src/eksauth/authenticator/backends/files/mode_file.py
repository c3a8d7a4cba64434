"""The file that says which backends are asked, and may change while the server runs (``dynamicBackendModePath``).

JSON as in the reference: ``backendMode`` holds modes between single blanks, ``LastUpdatedDateTime`` epoch seconds as
text, ``Version`` whatever its writer likes.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from eksauth.authenticator.mapping.modes import backend_modes
from eksauth.errors import ConfigError

_MAX_BYTES = 64 * 1024


class _File(msgspec.Struct, rename={"mode": "backendMode", "updated": "LastUpdatedDateTime"}):
    mode: str = ""
    updated: str = ""


@dataclass(frozen=True, slots=True)
class ModeFile:
    """One content of the file; ``updated_at`` in epoch seconds, None without one."""

    modes: tuple[str, ...]
    updated_at: float | None = None

    def age(self) -> float | None:
        """Return how many seconds ago its writer says it was written."""
        return None if self.updated_at is None else max(0.0, time.time() - self.updated_at)


def read_mode_file(path: Path) -> ModeFile | None:
    """Read the file; None when there is none.

    :raises ConfigError: when it cannot be read or names no usable list of modes.
    """
    try:
        with path.open("rb") as stream:
            raw = stream.read(_MAX_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"{path}: {(error.strerror or 'unreadable').lower()}") from None
    try:
        file = msgspec.json.decode(raw, type=_File)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise ConfigError(
            f"{path}: not the JSON of a backend list", hint='write {"backendMode": "DynamicFile MountedFile"}'
        ) from None
    try:
        modes = backend_modes(file.mode.split(" "))
    except ConfigError as error:
        raise ConfigError(f"{path}: {error.message}", hint=error.hint) from None
    updated = file.updated
    return ModeFile(modes, float(updated) if updated.isascii() and updated.isdigit() and len(updated) < 15 else None)
