"""Secrets in one encrypted file: mode 0600 in a directory of mode 0700, replaced whole, one writer at a time."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from eksauth.credentials.cache_store import refresh_lock
from eksauth.credentials.secrets import sealed
from eksauth.credentials.secrets.password import PasswordSource
from eksauth.credentials.secrets.store import SecretsUnavailable, check_secret
from eksauth.credentials.small_files import read_small
from eksauth.errors import CredentialsError
from eksauth.files import why, write_whole

_MAX_FILE_BYTES = 8 << 20
_TRIES = 3
LOCK_SECONDS = 20.0
"""How long to wait for another writer; each holds the lock for a fraction of a second."""

Secrets = dict[str, dict[str, str]]


class EncryptedFileStore:
    """Keeps secrets of all realms in one file, and shows those of one.

    A wrong password and a damaged file are told apart, and neither changes the file.
    """

    def __init__(self, path: Path, realm: str, password: PasswordSource) -> None:
        self._path = path
        self._realm = realm
        self._password = password
        self._key: sealed.SealingKey | None = None

    def get(self, name: str) -> str | None:
        """Return a secret, or None."""
        return self._load().get(self._realm, {}).get(name)

    def set(self, name: str, value: str) -> None:
        """Keep a secret."""
        check_secret(name, value)

        def put(secrets: Secrets) -> bool:
            mine = secrets.setdefault(self._realm, {})
            changed = mine.get(name) != value
            mine[name] = value
            return changed

        self._change(put)

    def delete(self, name: str) -> bool:
        """Remove a secret and tell whether it was there."""

        def drop(secrets: Secrets) -> bool:
            mine = secrets.get(self._realm, {})
            found = mine.pop(name, None) is not None
            if not mine:
                secrets.pop(self._realm, None)
            return found

        # nothing to decrypt, so nobody is asked for a password
        return os.path.lexists(self._path) and self._change(drop)

    def names(self) -> tuple[str, ...]:
        """Return the names in order."""
        return tuple(sorted(self._load().get(self._realm, {})))

    def describe(self) -> str:
        """Say where that is."""
        return f"the encrypted file {self._path}"

    def _change(self, edit: Callable[[Secrets], bool]) -> bool:
        """Apply ``edit`` to what the file holds now, and write it if that says so; tell whether it did."""
        try:
            self._prepare_directory()
            # a person types the password before the lock is taken, so that nobody has to wait for that
            self._load()
            if self._key is None:
                self._password.password(fresh=True, path=str(self._path))
            with self._locked():
                secrets = self._load()
                changed = edit(secrets)
                if changed:
                    key = self._key if self._key is not None else self._new_key()
                    write_whole(self._path, sealed.seal(secrets, key, os.urandom(12)), 0o600, follow=True)
        except OSError as error:
            raise SecretsUnavailable(
                f"secrets cannot be kept in {self._path}: {why(error)}",
                hint="choose another place with auth.keyring.spec.path",
            ) from None
        return changed

    def _load(self) -> Secrets:
        """Return all secrets; leaves the key in ``_key`` unless there is no file."""
        _check_cryptography()
        try:
            content = read_small(str(self._path), what="the secrets file", max_bytes=_MAX_FILE_BYTES, private=True)
        except CredentialsError as error:
            if error.code == "file.missing":
                self._key = None
                return {}
            raise SecretsUnavailable(error.message, hint=error.hint, code=error.code) from None
        try:
            found = sealed.read(content)
            return self._unseal(found)
        except sealed.Damaged as damage:
            raise SecretsUnavailable(
                f"the secrets file {self._path} is damaged: {damage}",
                hint="restore it from a backup, or move it away and store the secrets again",
                code="secrets.damaged",
            ) from None

    def _unseal(self, found: sealed.SealedFile) -> Secrets:
        for turn in range(_TRIES):
            if self._key is None or not found.fits(self._key):
                self._key = sealed.derive(
                    self._password.password(fresh=False, path=str(self._path)), found.salt, found.cost
                )
            try:
                return found.open(self._key)
            except sealed.WrongPassword:
                self._key = None
                self._password.forget()
                if not self._password.can_ask_again or turn == _TRIES - 1:
                    break
        raise SecretsUnavailable(
            f"the password does not open {self._path}; nothing was changed",
            hint=f"set {self._password.variable} to the password that the file was made with",
            code="secrets.wrong_password",
        )

    def _new_key(self) -> sealed.SealingKey:
        password = self._password.password(fresh=True, path=str(self._path))
        self._key = sealed.derive(password, sealed.new_salt(os.urandom(16)))
        return self._key

    def _prepare_directory(self) -> None:
        directory = self._path.parent
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = directory.stat()
        if status.st_uid not in {os.geteuid(), 0} or status.st_mode & 0o022:
            raise SecretsUnavailable(
                f"{directory} can be changed by other users (mode {stat.S_IMODE(status.st_mode):04o})",
                hint=f"run: chmod 700 {directory}",
                code="secrets.directory",
            )

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the one lock of this file; it lies next to it, so that everybody who uses the file meets there."""
        here = {"EKSAUTH_CACHE_DIR": str(self._path.parent.absolute())}
        with refresh_lock(here, "secrets", wait=LOCK_SECONDS) as held:
            if not held:
                raise SecretsUnavailable(
                    f"the secrets file {self._path} could not be locked",
                    hint="another process may be asking for its password; try again when it has ended",
                    code="secrets.locked",
                )
            yield


def _check_cryptography() -> None:
    try:
        import cryptography  # noqa: F401
    except ImportError:
        raise SecretsUnavailable(
            "the encrypted file needs the Python package cryptography", hint="run: pip install 'eksauth[keyring]'"
        ) from None
