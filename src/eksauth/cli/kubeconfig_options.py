"""What the kubeconfig commands have in common: which files they work on."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from eksauth.kubeconfig.paths import Files
    from eksauth.kubeconfig.resolve import Merged

Command = TypeVar("Command", bound=Callable[..., Any])


def kubeconfig_option(command: Command) -> Command:
    """Add ``--kubeconfig FILE``."""
    option = click.option(
        "--kubeconfig", metavar="FILE", help="Work on this file only [default: $KUBECONFIG, else ~/.kube/config]."
    )
    return option(command)


def chosen_files(kubeconfig: str | None) -> Files:
    """Return the files that kubectl would use with this flag and this environment."""
    from eksauth.kubeconfig.paths import kubeconfig_files

    return kubeconfig_files(os.environ, kubeconfig=kubeconfig)


def load(kubeconfig: str | None) -> Merged:
    """Read and merge them."""
    from eksauth.kubeconfig.resolve import load_merged

    return load_merged(chosen_files(kubeconfig))
