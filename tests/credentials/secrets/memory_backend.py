"""A backend for the keyring library that keeps secrets in a file in plain text: a desktop's keyring for tests.

It is chosen with ``PYTHON_KEYRING_BACKEND``, as any other backend would be.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError


class _Store(KeyringBackend):
    @property
    def _path(self) -> Path:
        return Path(os.environ["TEST_KEYRING"])

    def _all(self) -> dict:
        return json.loads(self._path.read_text()) if self._path.exists() else {}

    def get_password(self, service: str, username: str) -> str | None:
        return self._all().get(f"{service}\n{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self._path.write_text(json.dumps({**self._all(), f"{service}\n{username}": password}))

    def delete_password(self, service: str, username: str) -> None:
        entries = self._all()
        if entries.pop(f"{service}\n{username}", None) is None:
            raise PasswordDeleteError
        self._path.write_text(json.dumps(entries))


class Desktop(_Store):
    """One that the library recommends."""

    priority = 5


class PlainFile(_Store):
    """One that the library knows but does not recommend."""

    priority = 0.5


class Forgetful(_Store):
    """Says yes and keeps nothing."""

    priority = 5

    def set_password(self, service: str, username: str, password: str) -> None:
        print("kept!")


class Broken(_Store):
    """Fails in a way of its own."""

    priority = 5

    def get_password(self, service: str, username: str) -> str | None:
        raise RuntimeError(f"the secret of {username} is hunter2")


class Locked(_Store):
    """Waits for somebody to unlock it, in a window that a program of its own shows."""

    priority = 5

    def get_password(self, service: str, username: str) -> str | None:
        child = os.fork()
        if child:
            Path(os.environ["TEST_KEYRING"]).write_text(str(child))
        time.sleep(600)
        return None
