"""The context, and each context's namespace, before the last switch: what ``-`` goes back to.

Kept per kubeconfig in the state directory, one small file each, replaced as a whole. Names of files are hashes: a
context's name may hold anything.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path

from eksauth.errors import ConfigError
from eksauth.kubeconfig.state import private_directory

_MAX_BYTES = 64 * 1024


def read_previous(state: Path | None, target: Path, context: str | None = None) -> str | None:
    """Return the context before the last switch, or the namespace of ``context`` before it was changed.

    :param target: the file that holds current-context, links resolved.
    """
    if state is None:
        return None
    try:
        with (state / "previous" / _name(target, context)).open("rb") as stream:
            return stream.read(_MAX_BYTES).decode() or None
    except (OSError, UnicodeDecodeError):
        return None


def remember_previous(state: Path | None, target: Path, value: str, context: str | None = None) -> None:
    """Remember what was current; failing to do so is no reason for a switch to fail."""
    if state is None or not value:
        return
    with suppress(OSError, ConfigError, UnicodeEncodeError):
        private_directory(state)
        directory = private_directory(state / "previous")
        temporary = directory / f".{secrets.token_hex(8)}.tmp"
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(value.encode())
            temporary.replace(directory / _name(target, context))
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def _name(target: Path, context: str | None) -> str:
    key = os.fsencode(target) + (b"" if context is None else b"\0" + context.encode(errors="surrogatepass"))
    return hashlib.sha256(key).hexdigest()[:32]
