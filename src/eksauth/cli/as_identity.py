"""What the commands that hand an identity's credentials to somebody have in common."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from eksauth.cli.identity_options import config_options, read_config
from eksauth.cli.output import complain
from eksauth.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from eksauth.credentials.config.model import AuthConfig, Identity
    from eksauth.credentials.identities.contract import Human
    from eksauth.login.programs.child import Being, Delivery
    from eksauth.login.programs.environment import Pointers

Command = TypeVar("Command", bound=Callable[..., Any])


def identity_options(command: Command) -> Command:
    """Add ``--identity``, ``--config`` and ``--realm``."""
    flag = click.option("-i", "--identity", "named", metavar="NAME", help="The identity [default: the usual rules].")
    return flag(config_options(command))


def chosen_identity(
    named: str | None, config_file: str | None, realm: str | None, human: Human | None
) -> tuple[AuthConfig, Identity]:
    """Return the configuration and the identity that a command is about.

    :raises UsageError: when there is no identity, or none can be told from the others.
    """
    config = read_config(config_file, realm)
    return config, identity_in(config, named, human)


def identity_in(config: AuthConfig, named: str | None, human: Human | None) -> Identity:
    """Return the identity that a command is about.

    :raises UsageError: when there is no identity, or none can be told from the others.
    """
    from eksauth.credentials.config.select import select_identity

    found = select_identity(config, os.environ, flag=named, human=human)
    if found is None:
        where = config.path or "there is no configuration"
        raise UsageError(
            f"no identity: {where}" + (" names none" if config.path else ""),
            hint="name the file with --config or EKSAUTH_CONFIG, and the identity with --identity",
            code="identity.none",
        )
    return found


def own_program() -> tuple[str, ...]:
    """Return the command that is this very eksauth."""
    from eksauth.cli.kubeconfig_update import find_command

    try:
        return (find_command(None).command,)
    except ConfigError:
        return sys.executable, "-m", "eksauth"


def being_of(
    config: AuthConfig, identity: Identity, delivery: Delivery, human: Human | None, inside: Mapping[str, str]
) -> Being:
    """Return who is to be what.

    :param inside: the environment that this process was started with: what programs get is made from it. Finding
        credentials needs the one outside of any identity, and botocore looks at the process's own.
    """
    from eksauth.login.programs.child import Being

    return Being(
        config=config,
        identity=identity,
        environ=inside,
        outside=os.environ,
        program=own_program() if delivery == "process" else (),
        delivery=delivery,
        human=human,
    )


def environment_of(pointers: Pointers, environ: Mapping[str, str]) -> dict[str, str]:
    """Return a program's environment, after telling people what they should know about it."""
    for warning in pointers.warnings:
        complain("warning", warning)
    return pointers.applied(environ)
