"""The AWS configuration file that a program sees while it runs as an identity: one profile, and nobody's keys.

With ``credential_process`` in it, every AWS SDK asks eksauth again when credentials end, also long after the shell that
was told so. The files are named by a hash, hold no secrets, and are replaced only when they change.
"""

from __future__ import annotations

import hashlib
import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from eksauth.credentials.cache import cache_directory
from eksauth.credentials.cache_store import prepare_directory
from eksauth.credentials.config.model import AuthConfig, Identity
from eksauth.errors import ConfigError
from eksauth.files import why, write_whole

CARRIED = (
    "ca_bundle",
    "output",
    "cli_pager",
    "max_attempts",
    "retry_mode",
    "use_dualstack_endpoint",
    "use_fips_endpoint",
)
"""Settings of the caller's own profile that are not about credentials and that a program would miss."""


def process_command(program: Sequence[str], config: AuthConfig, identity: Identity) -> list[str]:
    """Return the command that prints the identity's credentials, pinned to its configuration and realm."""
    command = [*program, "credential-process", "--identity", identity.name]
    if config.path is not None:
        command += ["--config", config.path, f"--realm={config.realm}"]
    if config.searched:
        command.append("--found-by-search")
    return command


def config_text(region: str, settings: Mapping[str, str], command: Sequence[str] | None) -> str:
    """Return the file's content.

    :param command: of ``credential_process``; None when credentials come from elsewhere.
    :raises ConfigError: when something in it cannot be in such a file.
    """
    lines = {"region": region} | {name: settings[name] for name in CARRIED if name in settings}
    if command is not None:
        lines["credential_process"] = shlex.join(command)
    for name, value in lines.items():
        if not value.isprintable():
            raise ConfigError(f"{name} has control characters, which an AWS configuration file cannot hold")
    body = "".join([f"{name} = {value}\n" for name, value in lines.items()])
    return f"# written by eksauth; changes are lost\n[default]\n{body}"


def write_files(environ: Mapping[str, str], content: str, scope: Sequence[str]) -> dict[str, str]:
    """Write the file where ``scope`` tells it from others, and return the variables that point at it.

    The second file, for credentials, is an empty one: without it SDKs would read the user's.

    :raises ConfigError: when there is no private place for it.
    """
    cache = cache_directory(environ)
    directory = None if cache is None else Path(cache).parent / "environments"
    name = hashlib.sha256("\0".join(scope).encode(errors="surrogateescape")).hexdigest()[:32]
    try:
        if directory is None or not prepare_directory(str(directory)):
            raise ConfigError(
                f"there is no private directory for AWS files: {directory or 'HOME is not set'}",
                hint="set EKSAUTH_CACHE_DIR to a directory of your own",
            )
        files = {f"{name}.config": content.encode(), "none.credentials": b""}
        for file, data in files.items():
            _keep(directory / file, data)
    except OSError as error:
        raise ConfigError(f"cannot write AWS files in {directory}: {why(error)}") from None
    return {
        "AWS_CONFIG_FILE": str(directory / f"{name}.config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(directory / "none.credentials"),
    }


def _keep(path: Path, data: bytes) -> None:
    try:
        same = not path.is_symlink() and path.read_bytes() == data and path.stat().st_mode & 0o777 == 0o600
    except OSError:
        same = False
    if not same:
        write_whole(path, data, 0o600)
    else:
        os.utime(path)  # in use
