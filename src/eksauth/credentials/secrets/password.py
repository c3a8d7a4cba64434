"""The password of the encrypted file: from a variable, or from the person at the terminal."""

from __future__ import annotations

from collections.abc import Mapping

from eksauth.credentials.identities.contract import Human
from eksauth.credentials.secrets.store import SecretsUnavailable

MIN_LENGTH = 8
"""Characters; as Atmos has it for its file."""


class PasswordSource:
    """Finds the password once and remembers it for this process.

    :param variable: environment variable that holds it.
    :param human: asked when the variable does not.
    """

    def __init__(self, variable: str, environ: Mapping[str, str], human: Human | None) -> None:
        self._variable = variable
        self._given = environ.get(variable) or None
        self._human = human
        self._typed: str | None = None

    @property
    def can_ask_again(self) -> bool:
        """A wrong password was typed, so another one can be."""
        return self._given is None and self._human is not None

    @property
    def variable(self) -> str:
        """Name of the variable, for messages."""
        return self._variable

    def password(self, *, fresh: bool, path: str) -> str:
        """Return the password.

        :param fresh: the file does not exist yet: a person types the password twice.
        :raises SecretsUnavailable: when there is none, or it is too short.
        """
        if self._given is not None:
            self._check(self._given, f"the password in {self._variable}")
            return self._given
        if self._typed is None:
            self._typed = self._ask(fresh=fresh, path=path)
        return self._typed

    def forget(self) -> None:
        """Forget what was typed, because it was wrong."""
        self._typed = None

    def _ask(self, *, fresh: bool, path: str) -> str:
        if self._human is None:
            raise SecretsUnavailable(
                f"the secrets in {path} need a password",
                hint=f"set {self._variable}, or run the command at a terminal",
                code="secrets.no_password",
            )
        if not fresh:
            typed = self._human.ask(f"password of {path}", secret=True)
            self._check(typed, "the password")
            return typed
        typed = self._human.ask(f"new password for {path} (at least {MIN_LENGTH} characters)", secret=True)
        self._check(typed, "the password")
        if self._human.ask("the same password again", secret=True) != typed:
            raise SecretsUnavailable("the two passwords differ", hint="try again", code="secrets.password")
        return typed

    @staticmethod
    def _check(password: str, what: str) -> None:
        if len(password) < MIN_LENGTH:
            raise SecretsUnavailable(
                f"{what} is shorter than {MIN_LENGTH} characters", hint="choose a longer one", code="secrets.password"
            )
