"""The AWS CLI's own directory of sign-ins: read with bounds, written whole and closed to others.

The CLI and botocore know no lock. Ours (:func:`locked`) keeps eksauth's processes apart; against the others it helps
that files appear whole and are read again after waiting.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from eksauth.credentials.cache_store import LOCK_WAIT_SECONDS, refresh_lock
from eksauth.credentials.sso.portal import Portal
from eksauth.credentials.sso.token import (
    Registration,
    Token,
    decode_registration,
    decode_token,
    encode_registration,
    encode_token,
)
from eksauth.errors import CredentialsError
from eksauth.files import why, write_whole

_MAX_BYTES = 256 << 10


def directory(environ: Mapping[str, str]) -> Path:
    """Return ``~/.aws/sso/cache``, which no variable but HOME moves."""
    home = environ.get("HOME") or os.path.expanduser("~")  # noqa: PTH111  without HOME the user database knows
    return Path(home, ".aws", "sso", "cache")


def token_path(environ: Mapping[str, str], portal: Portal) -> Path:
    """Return where the portal's token is."""
    return directory(environ) / f"{portal.token_key}.json"


def registration_path(environ: Mapping[str, str], portal: Portal) -> Path:
    """Return where the portal's client registration is."""
    return directory(environ) / f"{portal.registration_key}.json"


def read_token(environ: Mapping[str, str], portal: Portal) -> Token | None:
    """Return the stored token, expired or not; None when there is none, or it is another portal's."""
    content = read_bounded(token_path(environ, portal))
    token = None if content is None else decode_token(content)
    if token is None or (token.region and token.region != portal.region):
        return None
    return token if not token.start_url or same_portal(token.start_url, portal.start_url) else None


def read_registration(environ: Mapping[str, str], portal: Portal) -> Registration | None:
    """Return the stored registration, expired or not."""
    content = read_bounded(registration_path(environ, portal))
    return None if content is None else decode_registration(content)


def write_token(environ: Mapping[str, str], portal: Portal, token: Token) -> None:
    """Keep a token.

    :raises CredentialsError: when that is impossible.
    """
    _write(token_path(environ, portal), encode_token(token))


def write_registration(environ: Mapping[str, str], portal: Portal, registration: Registration) -> None:
    """Keep a registration.

    :raises CredentialsError: when that is impossible.
    """
    _write(registration_path(environ, portal), encode_registration(registration))


def check_writable(environ: Mapping[str, str]) -> None:
    """Refuse to go on when a new token could not be kept: one that replaces another would be lost with it.

    :raises CredentialsError: naming the directory.
    """
    place = directory(environ)
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _not_kept(place, why(error)) from None
    if not os.access(place, os.W_OK | os.X_OK):
        raise _not_kept(place, "permission denied")


@contextmanager
def locked(
    environ: Mapping[str, str],
    portal: Portal,
    purpose: str,
    *,
    sleep: Callable[[float], None],
    wait: float = LOCK_WAIT_SECONDS,
) -> Iterator[bool]:
    """Hold the right to do ``purpose`` (``refresh``, ``sign-in``) for a portal, among all eksauth processes.

    Yields False when it could not be had within ``wait`` seconds; work goes on either way.
    """
    # the lock lives in our cache directory: the AWS CLI's has no place for it
    name = hashlib.sha256(f"{directory(environ)} {portal.token_key}".encode()).hexdigest()[:40]
    with refresh_lock(environ, f"sso-{purpose}-{name}", wait=wait, sleep=sleep) as held:
        yield held


def same_portal(left: str, right: str) -> bool:
    """Tell whether two start URLs mean one portal; people write it with and without ``/`` and ``#`` at the end."""
    return left.rstrip("/#").lower() == right.rstrip("/#").lower()


def read_bounded(path: Path) -> bytes | None:
    """Return the content of a regular file of sensible size, or None."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_BYTES:
            return None
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(_MAX_BYTES)
    except OSError:
        return None
    finally:
        os.close(handle)


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(path, content, 0o600)
    except OSError as error:
        raise _not_kept(path, why(error)) from None


def _not_kept(path: Path, reason: str) -> CredentialsError:
    return CredentialsError(
        f"the sign-in cannot be kept: {path}: {reason}",
        hint="the AWS CLI keeps sign-ins there too; make the directory writable",
        code="sso.not_kept",
    )
