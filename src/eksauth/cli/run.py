"""``eksauth run``: one command in one context, without switching."""

from __future__ import annotations

import os

import click

from eksauth.cli.after_dashes import RunsCommand, behind_dashes
from eksauth.cli.kubeconfig_options import chosen_files, kubeconfig_option
from eksauth.cli.protected import confirm_protected
from eksauth.errors import UsageError

_EPILOG = """\b
Examples:
  eksauth run prod-eu -- kubectl get nodes
  eksauth run - -- helm list -A         the context before the last switch
\b
Exit codes: the command's own; 127 it does not exist, 126 it cannot be run, 128+N it died of signal N."""


@click.command(cls=RunsCommand, epilog=_EPILOG)
@click.option("-y", "--yes", is_flag=True, help="Use a protected context without being asked.")
@click.option("-n", "--namespace", metavar="NAME", help="Namespace for the command, instead of the context's.")
@kubeconfig_option
@click.argument("context")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="-- COMMAND [ARG]...")
def run(yes: bool, namespace: str | None, kubeconfig: str | None, context: str, command: tuple[str, ...]) -> int:
    """Run COMMAND with a kubeconfig that holds CONTEXT and nothing else.

    Nothing is switched: other terminals, and the next command in this one, stay where they are. The command finds the
    context's name in EKSAUTH_CONTEXT.
    """
    from eksauth.cli.isolated import run_isolated
    from eksauth.kubeconfig.contexts import load, previous_context, require_context
    from eksauth.kubeconfig.guard import protected_among
    from eksauth.kubeconfig.isolated.session import current_session

    behind = behind_dashes()
    if behind is not None and command:
        raise UsageError(f"no argument is expected here: {command[0]}", hint="write -- right before the command")
    argv = command if behind is None else behind
    if not argv:
        raise UsageError("there is no command to run", hint=f"write: eksauth run {context} -- kubectl get pods")
    session = None if kubeconfig else current_session(os.environ)
    merged = load(session.files() if session else chosen_files(kubeconfig))
    name = previous_context(merged, os.environ) if context == "-" else context
    require_context(merged, name)
    confirm_protected(protected_among(merged, [name]), f"run {os.path.basename(argv[0])} in", yes=yes)  # noqa: PTH119
    return run_isolated(merged, name, argv, namespace)
