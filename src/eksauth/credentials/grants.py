"""What is remembered of a login that guards asked about: who, when, until when, and why.

One small JSON file per identity, configuration and realm, in ``grants`` next to the cached credentials; 0600 in a 0700
directory. Whatever is not exactly what we write is no grant: damaged, somebody else's, open to others, a link, or about
another identity. Then the person is asked again.

A clock that is set back makes no grant last longer: on Linux the time since the machine started counts as well, and a
grant from the future is none.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from eksauth.credentials.cache import cache_directory, is_private_directory
from eksauth.credentials.cache_store import prepare_directory
from eksauth.credentials.config.model import AuthConfig, Identity
from eksauth.errors import CredentialsError
from eksauth.files import why, write_whole

_MAX_BYTES = 16 << 10
_AHEAD_SECONDS = 60
"""How far in the future a grant may have been made: clocks are corrected by a few seconds now and then."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A login that was granted.

    :ivar at: epoch seconds of the login; ``until`` of its end.
    :ivar user: who signed in, for people to read.
    :ivar passed: seconds that have certainly passed since, whatever the clock on the wall says now.
    """

    at: float
    until: float
    reason: str | None = None
    confirmed: bool = False
    user: str = ""
    passed: float = 0.0

    def moment(self, now: float) -> float:
        """Return the time as this grant sees it: ``now``, unless the clock was set back since."""
        return max(now, self.at + self.passed)


class _Record(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is in the file; ``uptime`` and ``boot`` are those of the login."""

    format: Literal["eksauth grant 1"] = "eksauth grant 1"
    scope: list[str]
    at: float
    until: float
    reason: str | None
    confirmed: bool
    user: str
    boot: str
    uptime: float


def boot_clock() -> tuple[str, float] | None:
    """Return the id of this start of the machine and the seconds since, sleep included; None where that is unknown."""
    if not hasattr(time, "CLOCK_BOOTTIME"):
        return None
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip(), time.clock_gettime(time.CLOCK_BOOTTIME)
    except (OSError, ValueError):
        return None


def grant_path(environ: Mapping[str, str], config: AuthConfig, identity: Identity) -> Path | None:
    """Return where the grant of an identity is kept; None when there is no home."""
    directory = cache_directory(environ)
    if directory is None:
        return None
    hasher = hashlib.sha256()
    for part in (config.realm, config.path or "", identity.name.lower()):
        data = part.encode(errors="surrogateescape")
        hasher.update(b"%d:%s" % (len(data), data))
    return Path(directory).parent / "grants" / f"{hasher.hexdigest()}.json"


def read_grant(
    environ: Mapping[str, str],
    config: AuthConfig,
    identity: Identity,
    now: float,
    *,
    boot: Callable[[], tuple[str, float] | None] = boot_clock,
) -> Grant | None:
    """Return the grant of an identity, which may have ended, or None when there is none that can be believed."""
    path = grant_path(environ, config, identity)
    if path is None or not is_private_directory(str(path.parent)):
        return None
    data = _read_own(path)
    record = None if data is None else _decode(data)
    if record is None or record.scope != _scope(config, identity):
        return None
    running = boot()
    passed = running[1] - record.uptime if running is not None and running[0] == record.boot else 0.0
    if now < record.at - _AHEAD_SECONDS or passed < 0:
        return None
    return Grant(
        at=record.at,
        until=record.until,
        reason=record.reason,
        confirmed=record.confirmed,
        user=record.user,
        passed=passed,
    )


def write_grant(
    environ: Mapping[str, str],
    config: AuthConfig,
    identity: Identity,
    grant: Grant,
    *,
    boot: Callable[[], tuple[str, float] | None] = boot_clock,
) -> None:
    """Write the grant of an identity in place of an older one.

    :raises CredentialsError: when that is impossible.
    """
    path = grant_path(environ, config, identity)
    running = boot() or ("", 0.0)
    record = _Record(
        scope=_scope(config, identity),
        at=grant.at,
        until=grant.until,
        reason=grant.reason,
        confirmed=grant.confirmed,
        user=grant.user,
        boot=running[0],
        uptime=running[1],
    )
    reason = "there is no home directory"
    try:
        if path is not None and prepare_directory(str(path.parent)):
            write_whole(path, msgspec.json.encode(record), 0o600)
            return
        if path is not None:
            reason = f"{path.parent} is not a directory of ours with mode 0700"
    except OSError as error:
        reason = why(error)
    raise CredentialsError(
        f"the login as {identity.name} cannot be recorded, and a guard asks for that: {reason}",
        hint="set EKSAUTH_CACHE_DIR to a directory of your own",
        code="guard.not_recorded",
    )


def remove_grant(environ: Mapping[str, str], config: AuthConfig, identity: Identity) -> bool:
    """Remove the grant of an identity and tell whether there was one.

    :raises OSError: when it is there and stays.
    """
    path = grant_path(environ, config, identity)
    if path is None:
        return False
    with suppress(FileNotFoundError, NotADirectoryError):
        path.unlink()
        return True
    return False


def _scope(config: AuthConfig, identity: Identity) -> list[str]:
    return [config.realm, config.path or "", identity.name.lower()]


def _read_own(path: Path) -> bytes | None:
    """Return the content of a regular file that belongs to us and to nobody else, or None."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        status = os.fstat(handle)
        if status.st_uid != os.geteuid() or status.st_mode & 0o170077 != 0o100000 or status.st_size > _MAX_BYTES:
            return None
        return os.read(handle, _MAX_BYTES)
    except OSError:
        return None
    finally:
        os.close(handle)


def _decode(data: bytes) -> _Record | None:
    try:
        record = msgspec.json.decode(data, type=_Record)
    except (msgspec.DecodeError, RecursionError):  # text that is not UTF-8 is one, too
        return None
    return record if 0 <= record.at <= record.until else None
