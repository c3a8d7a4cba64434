"""Asking before a protected context is touched."""

from __future__ import annotations

from collections.abc import Sequence

import click

from eksauth.cli.confirm import can_ask
from eksauth.cli.output import one_line
from eksauth.errors import Refused


def confirm_protected(names: Sequence[str], action: str, *, yes: bool) -> list[str]:
    """Ask about protected contexts and return the ones that were agreed to, which are all.

    :param names: the protected ones among what is to be touched.
    :param action: such as ``switch to``.
    :raises Refused: when the answer is no, or there is nobody to ask.
    """
    if not names or yes:
        return list(names)
    shown = ", ".join(f'"{one_line(name)}"' for name in names)
    subject = f"context {shown} is protected" if len(names) == 1 else f"contexts {shown} are protected"
    it = "it" if len(names) == 1 else "them"
    if not can_ask():
        raise Refused(
            f"{subject}, and there is nobody to ask",
            hint=f"to {action} {it} all the same, add --yes",
            code="kubeconfig.protected",
        )
    if not click.confirm(f"{subject}; {action} {it}?", err=True):
        raise Refused(subject, hint="nothing was done", code="kubeconfig.protected")
    return list(names)


def tell(text: str) -> None:
    """Tell people what was done, on stderr."""
    click.echo(one_line(text), err=True)
