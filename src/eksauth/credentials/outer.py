"""What the environment was before eksauth put an identity into it.

A program that runs as an identity sees that identity and no other source of AWS credentials. eksauth itself, called
from there (by kubectl, or as ``credential_process``), has to find the sources outside again: the AWS files of an
``aws/profile``, the role of a container. So what is taken away is kept under another name, without secrets where the
identity does not start from them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping

from eksauth.credentials.identity_inputs import ENDPOINTS

MARK = "EKSAUTH_OUTER"
"""Set: this environment holds an identity, and ``EKSAUTH_OUTER_NAME`` is what ``NAME`` was. Its value names the other
variables that came with the identity, with commas."""
PREFIX = "EKSAUTH_OUTER_"

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN")
SECRET = (
    *KEYS,
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_ACCOUNT_ID",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
)
"""Keys, and what means nothing without them."""
SOURCES = (
    *SECRET,
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CREDENTIAL_FILE",
    "AWS_CREDENTIAL_PROFILES_FILE",
    "BOTO_CONFIG",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_SDK_LOAD_CONFIG",
    "AWS_EC2_METADATA_DISABLED",
)
"""Every variable by which an AWS SDK finds credentials; a program that runs as an identity gets none from outside."""


def remembered(environ: Mapping[str, str], *, names: Iterable[str], secrets: bool) -> dict[str, str]:
    """Return the variables that say what was there before, for an environment that will hold an identity.

    Inside a program that runs as an identity already, what is outside of the outermost one counts.

    :param names: of variables that come with the identity, besides :data:`SOURCES`.
    :param secrets: keep keys as well, because the identity starts from them.
    """
    ours = companions(environ)
    new = [name for name in names if name not in SOURCES and name not in ours]
    memory = {MARK: ",".join([*ours, *new])}
    for name in (*SOURCES, *ours, *new):
        if MARK in environ and (name in SOURCES or name in ours):
            before = environ.get(PREFIX + name)
        else:
            before = environ.get(name) if secrets or name not in SECRET else None
        if before is not None:
            memory[PREFIX + name] = before
    return memory


def companions(environ: Mapping[str, str]) -> list[str]:
    """Return the names of variables that came with the identity that is in the environment, :data:`SOURCES` aside."""
    return [name for name in environ.get(MARK, "").split(",") if name.isidentifier() and name.isascii()]


def memory_names(environ: Mapping[str, str]) -> Iterable[str]:
    """Return the names under which things are remembered."""
    return [name for name in environ if name == MARK or name.startswith(PREFIX)]


def outer_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment as it was outside, for finding an identity's credentials; elsewhere a plain copy."""
    found = dict(environ)
    go_outside(found)
    return found


def go_outside(environ: MutableMapping[str, str]) -> None:
    """Put an environment back to what it was outside; botocore reads the process's own, so that one has to change."""
    if MARK not in environ:
        return
    # an emulator that one identity names is nobody else's; its own chain names it again
    emulators = [name for name in companions(environ) if name in ENDPOINTS]
    for name in (*SOURCES, *emulators):
        environ.pop(name, None)
        before = environ.get(PREFIX + name)
        if before is not None:
            environ[name] = before
    for name in memory_names(environ):
        del environ[name]
