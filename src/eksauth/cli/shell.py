"""``eksauth shell``: an interactive shell as an identity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from eksauth.cli.as_identity import identity_options
from eksauth.cli.exec_command import CONTEXT, CREDENTIALS, YES

if TYPE_CHECKING:
    from eksauth.login.programs.child import Delivery

_EPILOG = """\b
Examples:
  eksauth shell -i prod-readonly
  eksauth shell -i prod-admin --context prod-eu
\b
Exit codes: the shell's own. Before it starts: 2 usage, 3 configuration, 4 credentials or a guard, 5 AWS."""


@click.command(epilog=_EPILOG)
@identity_options
@CONTEXT
@YES
@CREDENTIALS
@click.option("--shell", "program", metavar="PROGRAM", help="The shell [default: SHELL, else /bin/sh].")
@click.option("--debug", is_flag=True, hidden=True)
def shell(
    named: str | None,
    config_file: str | None,
    realm: str | None,
    context: str | None,
    yes: bool,
    delivery: Delivery,
    program: str | None,
    debug: bool,  # noqa: ARG001  read by the frame
) -> int:
    """Start a shell as an identity; what runs in it is that identity until the shell ends.

    The prompt says who (not with EKSAUTH_NO_PROMPT), and your own start files cannot change it by accident: what they
    set is put right after them. Credentials are renewed.
    """
    from eksauth.cli.run_as import RunAs, run_shell

    return run_shell(RunAs(named, config_file, realm, context, yes, delivery), program)
