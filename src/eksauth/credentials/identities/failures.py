"""What the process that renewed found out, for those that waited for it: a hundred of them need not all ask again.

Only a process that waited for the lock reads the note, and only a note that was written while it waited counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from eksauth.credentials.cache import read_private
from eksauth.credentials.cache_store import remove, store_private
from eksauth.credentials.identities.contract import NeedsHuman
from eksauth.errors import AwsError, AwsUnreachable, ConfigError, CredentialsError, EksauthError

_FORMAT = "eksauth failure 1"
_KINDS = {kind.__name__: kind for kind in (NeedsHuman, CredentialsError, AwsUnreachable, AwsError, ConfigError)}
_PASSING = (
    "aws.Throttling",
    "aws.ThrottlingException",
    "aws.RequestLimitExceeded",
    "aws.TooManyRequestsException",
    "credentials.untrusted_config",
)
"""Reasons that may be gone when the next process asks, or that are not its own: it may have named the same file."""


def note_failure(environ: Mapping[str, str], key: str, error: EksauthError, now: float) -> None:
    """Leave a note that getting ``key`` failed; nothing happens when that is impossible or not worth it."""
    if type(error).__name__ not in _KINDS or error.code in _PASSING:
        return
    lines = (_FORMAT, repr(now), type(error).__name__, error.code, error.message, error.hint or "")
    if not any("\n" in line for line in lines):
        store_private(environ, f"{key}.failed", "\n".join(lines).encode(errors="replace"))


def failure_since(environ: Mapping[str, str], key: str, since: float) -> EksauthError | None:
    """Return the error that getting ``key`` met after ``since``, or None."""
    data = read_private(environ, f"{key}.failed")
    lines = [] if data is None else data.decode(errors="replace").split("\n")
    if len(lines) != 6 or lines[0] != _FORMAT or lines[2] not in _KINDS:
        return None
    try:
        at = float(lines[1])
    except ValueError:
        return None
    if not at >= since:
        return None
    return _KINDS[lines[2]](lines[4], hint=lines[5] or None, code=lines[3])


def forget_failure(environ: Mapping[str, str], key: str) -> None:
    """Take the note away; one that stays counts for nobody who starts to wait later."""
    with suppress(OSError):
        remove(environ, f"{key}.failed")
