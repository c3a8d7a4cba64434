"""Where secrets are kept between runs: the desktop's keyring, or a file encrypted with a password.

There is no third place and no quiet fallback: where neither works, the caller gets an error that says what would. Names
belong to the realm of the configuration, so that two realms never see each other's secrets.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from eksauth.credentials.config.model import AuthConfig
from eksauth.credentials.identities.contract import Human
from eksauth.errors import CredentialsError

MAX_SECRET_BYTES = 64 << 10
"""Longer values are refused: refresh tokens and keys are a few kilobytes at most."""


class SecretsUnavailable(CredentialsError):
    """Secrets cannot be kept or read here: no keyring, no password, or a keyring that does not answer."""

    code = "secrets.unavailable"


class SecretStore(Protocol):
    """Secrets by name, of one realm."""

    def get(self, name: str) -> str | None:
        """Return a secret, or None when there is none of that name.

        :raises SecretsUnavailable: when that cannot be found out.
        """

    def set(self, name: str, value: str) -> None:
        """Keep a secret, in place of what had its name.

        :raises SecretsUnavailable: when it could not be kept.
        """

    def delete(self, name: str) -> bool:
        """Remove a secret and tell whether it was there.

        :raises SecretsUnavailable: when it may still be there.
        """

    def names(self) -> tuple[str, ...] | None:
        """Return the names in order, or None where the place cannot list them (desktop keyrings)."""

    def describe(self) -> str:
        """Say in a few words where that is, for people."""


def open_store(config: AuthConfig, environ: Mapping[str, str], *, human: Human | None = None) -> SecretStore:
    """Return the store that the configuration asks for; ``auto`` takes the desktop's keyring if it works.

    Opening ``auto`` or ``system`` asks the desktop's keyring once, for at most a few seconds when nobody is there to
    unlock it. The file is not touched before it is used.

    :param human: asked for the file's password when the environment does not have it.
    :raises SecretsUnavailable: when there is nowhere to keep secrets.
    """
    kind = config.keyring.kind
    if kind == "memory":
        from eksauth.credentials.secrets.memory import MemoryStore

        return MemoryStore(config.realm)
    if kind == "file":
        return _file_store(config, environ, human)
    from eksauth.credentials.secrets.desktop import DesktopStore

    desktop = DesktopStore(config.realm, environ, attended=human is not None)
    if kind == "system":
        desktop.probe(insist=True)
        return desktop
    given = bool(environ.get(config.keyring.password_env))
    try:
        desktop.probe(insist=False)
    except SecretsUnavailable as unavailable:
        if given or human is not None:
            return _file_store(config, environ, human)
        raise SecretsUnavailable(
            f"there is nowhere to keep secrets: {unavailable.message}, and no password for a file",
            hint=f"set {config.keyring.password_env} to a password of at least 8 characters, or run at a terminal",
        ) from None
    if given and os.path.lexists(secrets_file(config, environ)):
        from eksauth.credentials.secrets.layered import LayeredStore

        # secrets that were kept in the file while there was no desktop are still found
        return LayeredStore(desktop, _file_store(config, environ, human))
    return desktop


def _file_store(config: AuthConfig, environ: Mapping[str, str], human: Human | None) -> SecretStore:
    from eksauth.credentials.secrets.encrypted_file import EncryptedFileStore
    from eksauth.credentials.secrets.password import PasswordSource

    return EncryptedFileStore(
        secrets_file(config, environ), config.realm, PasswordSource(config.keyring.password_env, environ, human)
    )


def secrets_file(config: AuthConfig, environ: Mapping[str, str]) -> Path:
    """Return the path of the encrypted file: below ``keyring.spec.path``, else ``$XDG_DATA_HOME/eksauth/keyring``.

    A configured path whose last part has an extension is the file itself.
    """
    if config.keyring.path:
        chosen = Path(config.keyring.path).expanduser()
        return chosen if chosen.suffix else chosen / "secrets.json"
    # the XDG specification says to ignore relative paths
    data = environ.get("XDG_DATA_HOME", "")
    base = Path(data) if data[:1] == "/" else Path("~/.local/share").expanduser()
    return base / "eksauth" / "keyring" / "secrets.json"


def check_secret(name: str, value: str) -> None:
    """Refuse what no store could give back as it was.

    :raises ValueError: for empty names or values, control characters in names, and values that are too long.
    """
    if not name or not name.isprintable() or len(name) > 512:
        raise ValueError("a secret's name is 1 to 512 printable characters")
    if not value or "\0" in value or len(value.encode(errors="surrogatepass")) > MAX_SECRET_BYTES:
        raise ValueError(f"a secret is 1 to {MAX_SECRET_BYTES} bytes of text")
