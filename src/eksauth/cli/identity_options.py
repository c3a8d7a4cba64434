"""What the commands for identities have in common: which configuration they read, and who is at the terminal."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from eksauth.credentials.config.model import AuthConfig

Command = TypeVar("Command", bound=Callable[..., Any])


def config_options(command: Command) -> Command:
    """Add ``--config FILE`` and ``--realm NAME``."""
    realm = click.option("--realm", metavar="NAME", help="Realm, whatever configuration and environment say.")
    config = click.option(
        "--config", "config_file", metavar="FILE", help="Configuration [default: EKSAUTH_CONFIG, else searched for]."
    )
    return config(realm(command))


def read_config(config_file: str | None, realm: str | None) -> AuthConfig:
    """Read the configuration that these flags and the environment name; an empty one when there is none.

    From here on the process sees the environment outside of any program that runs as an identity.
    """
    from eksauth.cli.outside import step_outside
    from eksauth.credentials.config.load import load_config

    step_outside()
    return load_config(os.environ, flag=config_file, realm=realm)
