"""How commands that change kubeconfigs tell what they did: lines or JSON on stdout, a diff for ``--dry-run``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from eksauth.cli.output import complain, one_line, print_json

if TYPE_CHECKING:
    from eksauth.kubeconfig.outcome import Outcome

Command = TypeVar("Command", bound=Callable[..., Any])


def change_options(command: Command) -> Command:
    """Add ``--dry-run``, ``--fix-permissions`` and ``-o text|json``."""
    for option in (
        click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True),
        click.option("--fix-permissions", is_flag=True, help="Make the files that are written private to you."),
        click.option("--dry-run", is_flag=True, help="Write nothing; print what would change, without secrets."),
    ):
        command = option(command)
    return command


def report(outcome: Outcome, lines: Sequence[str], details: Mapping[str, object], output: str) -> None:
    """Print what was done.

    :param lines: for people.
    :param details: the same for machines.
    """
    for warning in outcome.warnings:
        complain("warning", warning)
    if output == "json":
        changed = {"files": [str(path) for path in outcome.files], "dry_run": outcome.dry_run}
        print_json({**details, **changed, **({"diff": outcome.diff()} if outcome.dry_run else {})})
        return
    for line in lines:
        click.echo(one_line(f"would {line}" if outcome.dry_run else line))
    if outcome.dry_run:
        click.echo(outcome.diff(), nl=False)
