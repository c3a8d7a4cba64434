"""Command lines as they are written for Go programs, which the manifests of aws-iam-authenticator hold.

``-l=json`` is ``-l json`` there, and a switch may be given a value: ``--kubeconfig-pregenerated=true``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any] | click.Command)


class GoFlags(click.Command):
    """A command that takes a value after ``-x=`` without the equals sign."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse what is left when short options are written as click knows them."""
        ours: list[str] = []
        for position, argument in enumerate(args):
            if argument == "--":
                ours += args[position:]
                break
            short = len(argument) > 2 and argument[0] == "-" and argument[1] != "-" and argument[2] == "="
            ours.append(argument[:2] + argument[3:] if short else argument)
        return super().parse_args(ctx, ours)


def switch(*declarations: str, **attributes: Any) -> Callable[[F], F]:
    """Declare a switch that is None when it is not given, and may be followed by ``=true`` or ``=false``."""
    return click.option(
        *declarations, is_flag=False, flag_value=True, type=click.BOOL, default=None, metavar="[=BOOL]", **attributes
    )
