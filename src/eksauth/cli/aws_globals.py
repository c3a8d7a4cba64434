"""Global options of the AWS CLI that change nothing about what the drop-ins do; they are taken and ignored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

_SWITCHES = ("--no-paginate", "--no-cli-pager", "--cli-auto-prompt", "--no-cli-auto-prompt", "--v2-debug", "--debug")
_VALUED = ("--color", "--cli-read-timeout", "--cli-connect-timeout", "--cli-binary-format", "--cli-error-format")


def ignored_globals(command: Command) -> Command:
    """Add them, hidden; the command takes them as ``**_ignored``."""
    for name in _SWITCHES:
        command = click.option(name, is_flag=True, hidden=True)(command)
    for name in _VALUED:
        command = click.option(name, hidden=True)(command)
    return command
