"""What ``server run`` and ``server init`` have in common: the flags that beat the configuration file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from eksauth.cli.go_flags import switch
from eksauth.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from eksauth.authenticator.config import ServerConfig

F = TypeVar("F", bound=Callable[..., Any])
_OPTIONS = (
    click.option("--config", "-c", type=click.Path(path_type=Path), help="Configuration file (YAML)."),
    click.option(
        "--cluster-id",
        "-i",
        envvar="KUBERNETES_AWS_AUTHENTICATOR_CLUSTER_ID",
        help="Cluster name or id that tokens must be signed for.",
    ),
    click.option("--address", help="Address to listen on (default 127.0.0.1)."),
    click.option("--port", type=click.IntRange(0, 65535), help="Port (default 21362); 0 takes a free one."),
    click.option("--hostname", help="What API servers call this server (default localhost)."),
    click.option(
        "--state-dir",
        type=click.Path(path_type=Path),
        help="Where the certificate is kept (default /var/aws-iam-authenticator).",
    ),
    click.option(
        "--generate-kubeconfig",
        type=click.Path(path_type=Path),
        help="Where the webhook kubeconfig is written (default /etc/kubernetes/aws-iam-authenticator/kubeconfig.yaml).",
    ),
    switch("--kubeconfig-pregenerated", help="Write no webhook kubeconfig."),
)


def common_options(command: F) -> F:
    """Add the options."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def read_with_flags(config: Path | None, flags: dict[str, Any]) -> ServerConfig:
    """Return the configuration of a file, or an empty one, with what flags say instead; None says nothing.

    :raises ConfigError: for a file that does not load, or when the server's libraries are not installed.
    """
    try:
        from eksauth.authenticator.config import ServerConfig, load_server_config
    except ImportError as error:
        raise missing(error) from None
    return with_flags(load_server_config(config) if config is not None else ServerConfig(), flags)


def with_flags(config: ServerConfig, flags: dict[str, Any]) -> ServerConfig:
    """Return ``config`` with what flags say instead; None says nothing."""
    from dataclasses import replace

    return replace(config, **{key: value for key, value in flags.items() if value is not None})


def limits(written: tuple[str, ...]) -> dict[str, int] | None:
    """Return what ``--limit NAME=NUMBER`` says, None when it is not given.

    :raises UsageError: for a name that is not there, or no number.
    """
    from eksauth.authenticator.config import LIMITS

    found: dict[str, int] = {}
    for text in written:
        name, _, number = text.partition("=")
        least = 0 if "Rate" in name else 1
        if name not in LIMITS or not (number.isascii() and number.isdigit()) or not least <= int(number) <= 10**6:
            names = ", ".join(LIMITS)
            raise UsageError(f"no such limit: {text!r}", hint=f"NAME=NUMBER, up to 1000000, with one of {names}")
        found[name] = int(number)
    return found or None


def missing(error: ImportError) -> ConfigError:
    """Return the error for a library that the extra would have brought; a module of our own is no such thing.

    :raises ImportError: that one.
    """
    if (error.name or "").partition(".")[0] == "eksauth":
        raise error
    return ConfigError(
        f"the server needs {error.name or 'packages'}, which is not installed", hint="pip install 'eksauth[server]'"
    )
