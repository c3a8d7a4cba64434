"""``eksauth audit``: what was done as whom, from this machine."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

import click

from eksauth.cli.columns import columns
from eksauth.cli.output import complain, print_json
from eksauth.credentials.audit import EVENTS, audit_path
from eksauth.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from eksauth.credentials.audit_log import Event

_EPILOG = """\b
Examples:
  eksauth audit --since 1h
  eksauth audit --identity prod-admin --event token -n 20
  eksauth audit --follow -o json | jq -r .cluster"""
_COLUMNS = ("time", "event", "identity", "account", "cluster", "region", "program", "reason")


def since_seconds(text: str) -> int:
    """Return the seconds in ``90s``, ``15m``, ``1h30m`` or ``2d``.

    :raises UsageError: when it is something else.
    """
    from eksauth.credentials.config.durations import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"--since {error}", hint="for example 90s, 15m, 1h30m or 2d") from None


@click.command(epilog=_EPILOG)
@click.option("--since", metavar="TIME", help="Only events of the last 90s, 15m, 1h, 2d, …")
@click.option("-i", "--identity", metavar="NAME", help="Only events of this identity.")
@click.option("--event", type=click.Choice(EVENTS), help="Only events of this kind.")
@click.option("--cluster", metavar="TEXT", help="Only events whose cluster has this in its name.")
@click.option("-n", "--last", type=click.IntRange(min=1), metavar="N", help="Only the last N.")
@click.option("-f", "--follow", is_flag=True, help="Then wait for more, until Ctrl-C.")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
def audit(
    since: str | None,
    identity: str | None,
    event: str | None,
    cluster: str | None,
    last: int | None,
    follow: bool,
    output: str,
) -> None:
    """Show the audit log of this machine: logins, tokens and programs of identities, oldest first.

    It holds no secrets, and only what was done through eksauth; CloudTrail has the rest. With --follow, JSON is one
    event a line.
    """
    from eksauth.credentials.audit_log import Filter, follow_log, read_log

    path = audit_path(os.environ)
    if path is None:
        raise ConfigError("there is no audit log", hint="EKSAUTH_AUDIT_LOG is 'off', or HOME is not set")
    start = None if since is None else time.time() - since_seconds(since)
    wanted = Filter(since=start, identity=identity, event=event, cluster=cluster)
    found = read_log(path, wanted, last=last)
    if found.damaged:
        complain("warning", f"{found.damaged} damaged lines in {path} were skipped")
    if not follow:
        if output == "json":
            print_json(list(found.events))
        else:
            click.echo(_table(found.events), nl=False)
        return
    for one in found.events:
        _print(one, output)
    for one in follow_log(path, wanted, found.end):
        _print(one, output)


def _row(event: Event) -> list[str]:
    return [str(event.get(name) or (event.get("code", "") if name == "reason" else "")) for name in _COLUMNS]


def _table(events: tuple[Event, ...]) -> str:
    return columns([name.upper() for name in _COLUMNS], map(_row, events))


def _print(event: Event, output: str) -> None:
    """Print one event at once, whoever reads."""
    if output == "json":
        click.echo(json.dumps(event))  # ASCII: nothing in it can drive a terminal
    else:
        click.echo(columns(_row(event), [], gap="  "), nl=False)
