"""``eksauth exec``: one program as an identity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from eksauth.cli.after_dashes import RunsCommand, behind_dashes
from eksauth.cli.as_identity import identity_options
from eksauth.errors import UsageError

if TYPE_CHECKING:
    from eksauth.login.programs.child import Delivery

_EPILOG = """\b
Examples:
  eksauth exec -i prod-readonly -- aws s3 ls
  eksauth exec -i prod-admin -- terraform apply
  eksauth exec --context prod-eu -- helm list -A       as the identity that the context is pinned to
\b
Exit codes: the program's own; 127 it does not exist, 126 it cannot be run, 128+N it died of signal N. Before it starts:
2 usage, 3 configuration, 4 credentials or a guard, 5 AWS."""

CREDENTIALS = click.option(
    "--credentials",
    "delivery",
    type=click.Choice(["endpoint", "process", "static"]),
    default="endpoint",
    show_default=True,
    help="How the program gets credentials: from an endpoint that lives as long as it does, "
    "by running eksauth itself, or as keys that nothing renews.",
)
CONTEXT = click.option("--context", metavar="NAME", help="Give it a kubeconfig with this context only.")
YES = click.option("-y", "--yes", is_flag=True, help="Use a protected context without being asked.")


@click.command("exec", cls=RunsCommand, epilog=_EPILOG)
@identity_options
@CONTEXT
@YES
@CREDENTIALS
@click.option("--debug", is_flag=True, hidden=True)
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="-- COMMAND [ARG]...")
def exec_command(
    named: str | None,
    config_file: str | None,
    realm: str | None,
    context: str | None,
    yes: bool,
    delivery: Delivery,
    debug: bool,  # noqa: ARG001  read by the frame
    command: tuple[str, ...],
) -> int:
    """Run COMMAND as an identity.

    It sees that identity's credentials and no others: AWS variables and files of the caller are hidden from it. They
    are renewed while it runs. KUBECONFIG has the files of the identity's clusters in front.
    """
    from eksauth.cli.run_as import RunAs, run_program

    behind = behind_dashes()
    if behind is not None and command:
        raise UsageError(f"no argument is expected here: {command[0]}", hint="write -- right before the command")
    argv = command if behind is None else behind
    if not argv:
        raise UsageError("there is no command to run", hint="write: eksauth exec -i NAME -- aws s3 ls")
    return run_program(RunAs(named, config_file, realm, context, yes, delivery), argv)
