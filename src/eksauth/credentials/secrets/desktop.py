"""The desktop's keyring: Secret Service, KWallet, Keychain or what else the ``keyring`` library finds.

Every operation runs in a child process with a time limit. A locked keyring waits for somebody to unlock it, and a
broken D-Bus for an answer that never comes; neither may hang a command that kubectl runs.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from eksauth.credentials.local_browser import why_no_local_browser
from eksauth.credentials.secrets.store import SecretsUnavailable, check_secret
from eksauth.errors import ConfigError

LIMIT_SECONDS = 8.0
"""When nobody is there to unlock it; most of it is for busy machines."""
ATTENDED_LIMIT_SECONDS = 90.0
"""Time for a person to unlock it in the window that the desktop shows."""
LIMIT_VARIABLE = "EKSAUTH_KEYRING_TIMEOUT"
_RECOMMENDED = 1.0
"""Priority from which on the keyring library itself recommends a backend; files in plain text have less."""
_NO_BACKEND = {"keyring.backends.fail.Keyring", "keyring.backends.null.Keyring"}
_PROBE = "eksauth probe"


class DesktopStore:
    """Keeps secrets in the desktop's keyring, under the service ``eksauth`` or ``eksauth:REALM``.

    :param attended: a person is there and, where there is a desktop to see it on, may unlock it; else it has to answer
        within seconds.
    :param limit: seconds for each operation; None takes what suits, or ``EKSAUTH_KEYRING_TIMEOUT``.
    :raises ConfigError: when that variable is no number of seconds.
    """

    def __init__(
        self, realm: str, environ: Mapping[str, str], *, attended: bool = False, limit: float | None = None
    ) -> None:
        self._service = f"eksauth:{realm}" if realm else "eksauth"
        self._environ = environ
        self._limit = limit if limit is not None else _limit(environ, attended=attended)
        self._backend = ""

    def probe(self, *, insist: bool) -> None:
        """Read once, to find out whether it works.

        :param insist: the configuration names it: a backend that the library does not recommend will do.
        :raises SecretsUnavailable: when it does not.
        """
        self._ask("get", _PROBE, least=0.01 if insist else _RECOMMENDED)

    def get(self, name: str) -> str | None:
        """Return a secret, or None."""
        value = self._ask("get", name).get("value")
        return value if isinstance(value, str) else None

    def set(self, name: str, value: str) -> None:
        """Keep a secret."""
        check_secret(name, value)
        if not self._ask("set", name, value=value).get("kept"):
            raise SecretsUnavailable(f"{self.describe()} did not keep the secret", hint=_HINT)

    def delete(self, name: str) -> bool:
        """Remove a secret and tell whether it was there."""
        answer = self._ask("delete", name)
        if answer.get("left"):
            raise SecretsUnavailable(f"{self.describe()} did not remove the secret", hint="remove it by hand")
        return bool(answer.get("deleted"))

    def names(self) -> tuple[str, ...] | None:
        """Return None: desktop keyrings do not list."""
        return None

    def describe(self) -> str:
        """Say where that is."""
        return f"the desktop keyring ({self._backend})" if self._backend else "the desktop keyring"

    def _ask(self, do: str, name: str, *, value: str | None = None, least: float = 0.01) -> dict[str, Any]:
        question = {"do": do, "service": self._service, "name": name, "value": value, "least": least}
        answer = self._child(json.dumps(question))
        self._backend = str(answer.get("backend", ""))
        error = answer.get("error")
        if error == "missing":
            raise SecretsUnavailable(
                "the desktop keyring needs the Python package keyring", hint="run: pip install 'eksauth[keyring]'"
            )
        if error == "unfit":
            raise SecretsUnavailable(self._why_unfit(), hint=_HINT)
        if error:
            raise SecretsUnavailable(f"the desktop keyring cannot be used ({self._backend}: {error})", hint=_HINT)
        return answer

    def _why_unfit(self) -> str:
        if self._backend in _NO_BACKEND:
            return "this machine has no desktop keyring"
        return f"the keyring backend {self._backend} is not a safe place"

    def _child(self, question: str) -> dict[str, Any]:
        # the session of its own takes a prompt that it may have started down with it
        try:
            child = subprocess.Popen(
                [sys.executable, "-P", "-m", "eksauth.credentials.secrets.desktop_child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=dict(self._environ),
                start_new_session=True,
            )
        except (OSError, ValueError):
            raise SecretsUnavailable("the desktop keyring cannot be asked: no process can be started") from None
        with child:
            try:
                answered, _ = child.communicate(question.encode(), self._limit)
            except subprocess.TimeoutExpired:
                raise SecretsUnavailable(
                    f"the desktop keyring did not answer within {self._limit:.0f} seconds",
                    hint=f"it may be locked, or its D-Bus broken; {_HINT}",
                    code="secrets.keyring_hangs",
                ) from None
            finally:
                with suppress(OSError):
                    os.killpg(child.pid, signal.SIGKILL)
        try:
            answer = json.loads(answered)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise SecretsUnavailable("the desktop keyring cannot be used: its helper failed", hint=_HINT)
        return answer


def _limit(environ: Mapping[str, str], *, attended: bool) -> float:
    told = environ.get(LIMIT_VARIABLE, "")
    if told:
        if not (told.isascii() and told.isdigit() and 1 <= len(told) <= 3 and int(told)):
            raise ConfigError(f"{LIMIT_VARIABLE} is not a number of seconds", hint="1 to 999")
        return float(told)
    # a person at a terminal without a desktop sees no window in which to unlock anything
    return ATTENDED_LIMIT_SECONDS if attended and why_no_local_browser(environ) is None else LIMIT_SECONDS


_HINT = "unlock it, or keep secrets in a file: auth.keyring.type: file"
