"""What an identity's cached credentials depend on besides the configuration: files, variables, AWS profiles.

One function for both paths: kubectl waits for this module.
"""

import os

from eksauth.aws.digest import sha256
from eksauth.credentials.cache import cache_key, read_private

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from eksauth.credentials.settings import Settings

MAX_FILE_BYTES = 4 << 20
SAME_SIGN_IN = "eksauth sign-in 1"
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
ENDPOINTS = (
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_STS",
    "AWS_ENDPOINT_URL_SSO",
    "AWS_ENDPOINT_URL_SSO_OIDC",
    "AWS_ENDPOINT_URL_SSOOIDC",
    "AWS_ENDPOINT_URL_ROLESANYWHERE",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
)
"""Which AWS answers. Variables that hold secrets or differ between a shell and an editor are no part of a key."""


def endpoints_digest(environ: "Mapping[str, str]") -> str:
    """Return a digest of the variables that send AWS calls elsewhere."""
    return digest("\0".join([environ.get(name, "") for name in ENDPOINTS]))


def digest(value: bytes | str) -> str:
    """Return 64 hex digits for a value."""
    if isinstance(value, str):
        value = value.encode(errors="surrogateescape")
    text: str = sha256(value).hexdigest()
    return text


def file_digest(path: str, *, with_access: bool = False) -> str | None:
    """Return a digest of a file's content, ``absent`` when there is none, or None when it cannot be read.

    :param with_access: who owns it and who may write it are part of the answer.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return "absent"
    except (OSError, ValueError):
        return None
    try:
        status = os.fstat(handle)
        if status.st_mode & 0o170000 != 0o100000 or status.st_size > MAX_FILE_BYTES:
            return None
        # files below /proc have no size, and refuse large reads
        content = digest(os.read(handle, status.st_size + 4096))
    except OSError:
        return None
    finally:
        os.close(handle)
    return f"{content} {status.st_uid} {status.st_gid} {status.st_mode:o}" if with_access else content


def sign_in_state(path: str, environ: "Mapping[str, str]") -> str | None:
    """Return which sign-in the token file of a portal is of: what :func:`file_digest` says of it.

    A renewed token is of the sign-in that it renews: :mod:`eksauth.credentials.sso.same_sign_in` leaves a note of that.
    """
    state = file_digest(path)
    data = None if state is None else read_private(environ, same_sign_in_note(path))
    lines = [] if data is None else data.decode("ascii", "replace").split("\n")
    return lines[1] if lines[:1] == [SAME_SIGN_IN] and state in lines[2:] else state


def same_sign_in_note(path: str) -> str:
    """Return the name of that note."""
    return f"sso-{digest(path)[:40]}.same"


def aws_input(profile: str, region: str | None) -> str:
    """Return the name of an ``aws`` input: a profile (the empty one is what is in force) and perhaps a region."""
    return f"{profile}@{region or ''}"


def settings_of_input(
    environ: "Mapping[str, str]", name: str, read: "Callable[..., Settings | None]"
) -> "Settings | None":
    """Return the settings of an ``aws`` input; a named profile is in its own region whatever the environment says.

    :param read: ``quick_settings`` or ``full_settings``.
    """
    profile, _, region = name.rpartition("@")
    if profile:
        environ = {key: value for key, value in environ.items() if key not in _REGIONS}
    return read(environ, region_flag=region or None, profile_flag=profile or None)


def input_digest(
    kind: str, name: str, environ: "Mapping[str, str]", read: "Callable[..., Settings | None]"
) -> str | None:
    """Return the present state of one input, or None when it cannot be told.

    :param kind: ``file``, ``config`` (a file whose owner and mode count), ``env``, ``sign-in`` (the token file of a
        portal), or ``aws`` (an AWS profile with all that is behind it).
    :param read: ``quick_settings`` or ``full_settings``.
    """
    if kind == "aws":
        settings = settings_of_input(environ, name, read)
        return None if settings is None else cache_key(environ, settings, None)
    if kind == "env":
        value = environ.get(name)
        return "absent" if value is None else digest(value)
    if kind == "sign-in":
        return sign_in_state(name, environ)
    return file_digest(name, with_access=kind == "config")
