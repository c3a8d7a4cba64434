"""What a configuration says once: realm, keyring, console; and the variables that win over it."""

from __future__ import annotations

from collections.abc import Mapping

from eksauth.credentials.config.build_provider import Expand
from eksauth.credentials.config.model import Keyring
from eksauth.credentials.config.settings_keys import KEYRING_KINDS
from eksauth.credentials.config.shapes import REALM, VARIABLE, Choice, Scalar
from eksauth.credentials.config.values import Values
from eksauth.errors import ConfigError

REALM_VARIABLES = ("EKSAUTH_REALM", "ATMOS_AUTH_REALM")
KEYRING_TYPE = ("EKSAUTH_KEYRING_TYPE", "ATMOS_KEYRING_TYPE")
KEYRING_PATH = ("EKSAUTH_KEYRING_FILE_PATH", "ATMOS_KEYRING_FILE_PATH")
KEYRING_PASSWORD_ENV = ("EKSAUTH_KEYRING_PASSWORD_ENV", "ATMOS_KEYRING_PASSWORD_ENV")


def effective_realm(
    environ: Mapping[str, str], *, flag: str | None, written: str | None, place: str
) -> tuple[str, str]:
    """Return the realm and what said it.

    The flag (empty means none), else ``EKSAUTH_REALM``, else ``ATMOS_AUTH_REALM``, else the file.

    :raises ConfigError: for a realm that cannot be one.
    """
    if flag is not None:
        return (_checked(REALM, flag, "--realm"), "--realm") if flag else ("", "--realm")
    for name in REALM_VARIABLES:
        if environ.get(name):
            return _checked(REALM, environ[name], name), name
    return (written, place) if written else ("", "")


def effective_keyring(environ: Mapping[str, str], values: Values | None, expand: Expand) -> Keyring:
    """Return where secrets are kept; variables win over the file.

    :raises ConfigError: for a variable that makes no sense.
    """
    written = values if values is not None else Values()
    kind = _variable(environ, KEYRING_TYPE, Choice(KEYRING_KINDS)) or written.get("type")
    path = next((environ[name] for name in KEYRING_PATH if environ.get(name)), None) or written.at("spec", "path")
    password = _variable(environ, KEYRING_PASSWORD_ENV, VARIABLE) or written.at("spec", "password_env")
    return Keyring(
        kind=next((known for known in KEYRING_KINDS if known == kind), "auto"),
        path=expand(path),
        password_env=password or Keyring().password_env,
    )


def _variable(environ: Mapping[str, str], names: tuple[str, ...], shape: Scalar) -> str | None:
    for name in names:
        if environ.get(name):
            return _checked(shape, environ[name], name)
    return None


def _checked(shape: Scalar, text: str, what: str) -> str:
    try:
        return str(shape.read(text))
    except ValueError as error:
        raise ConfigError(f"{what} {error}", code="config.variable") from None
