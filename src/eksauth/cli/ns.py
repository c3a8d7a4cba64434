"""``eksauth ns``: the namespaces of the current context's cluster, and which one commands work in."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from eksauth.cli.kubeconfig_options import chosen_files, kubeconfig_option
from eksauth.cli.output import complain, one_line, print_json
from eksauth.cli.protected import tell
from eksauth.errors import EksauthError, KubernetesError, Refused, UsageError

if TYPE_CHECKING:
    from eksauth.kube.connection import Connection
    from eksauth.kubeconfig.paths import Files
    from eksauth.kubeconfig.resolve import Merged

_EPILOG = """\b
Examples:
  eksauth ns                 pick one, or list them when nobody sits at a terminal
  eksauth ns kube-system     switch; the cluster is asked whether it exists
  eksauth ns - ; eksauth ns new-one --force
\b
Exit codes: 1 there is no such namespace, 4 no credentials, 6 the cluster refuses or does not answer."""
_UNREACHABLE = {"kubernetes.unreachable", "kubernetes.untrusted", "kubernetes.unauthorized", "kubernetes.answer"}


@click.command(epilog=_EPILOG)
@click.argument("name", required=False, metavar="[NAME|-]")
@click.option("-l", "--list", "list_", is_flag=True, help="List, also on a terminal.")
@click.option("-c", "--current", is_flag=True, help="Print the context's namespace.")
@click.option("-u", "--unset", is_flag=True, help="Have the context name none, which means default.")
@click.option("-f", "--force", is_flag=True, help="Switch without asking the cluster whether it exists.")
@click.option("-o", "--output", type=click.Choice(["text", "name", "json"]), help="Form of the list.")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), default=10.0, show_default=True,
              metavar="SECONDS", help="How long to wait for the cluster.")  # fmt: skip
@click.option("--refresh", is_flag=True, hidden=True)
@kubeconfig_option
def ns(
    name: str | None,
    list_: bool,
    current: bool,
    unset: bool,
    force: bool,
    output: str | None,
    timeout: float,
    refresh: bool,
    kubeconfig: str | None,
) -> int:
    """List the namespaces of the current context's cluster, or make one the context's own.

    The cluster is asked with the context's own credentials. Without the right to list namespaces switching still works.
    """
    from eksauth.kubeconfig.contexts import load
    from eksauth.kubeconfig.namespaces import effective_namespace

    actions = [word for word, given in (("-l", list_), ("-c", current), ("-u", unset)) if given]
    if len(actions) > 1 or (name and (actions or output)):
        raise UsageError("these do not go together", hint="see 'eksauth ns --help'")
    files = chosen_files(kubeconfig)
    merged = load(files)
    context = merged.context()
    now = effective_namespace(merged)
    if refresh:
        _list(_connection(merged, timeout, terminal=False), merged)
        return 0
    if current:
        click.echo(one_line(now))
        return 0
    if unset:
        return _write(files, context.name, None, now)
    if name is None:
        names = _list(_connection(merged, timeout), merged)
        if list_ or output or not _can_pick():
            return _print_list(names, now, output or "text")
        name = _pick(names, now)
        return 130 if name is None else _write(files, context.name, name, now)
    return _switch(files, merged, name, now, force, timeout)


def _connection(merged: Merged, timeout: float, *, terminal: bool | None = None) -> Connection:
    from eksauth.kube.connection import Connection, target_of

    asks = sys.stdin is not None and sys.stdin.isatty() if terminal is None else terminal
    return Connection(target_of(merged, None, cwd=Path.cwd(), environ=os.environ, terminal=asks, timeout=timeout))


def _list(connection: Connection, merged: Merged) -> list[str]:
    from eksauth.kube.namespaces import list_namespaces
    from eksauth.kubeconfig.namespace_cache import store_namespaces

    names = list_namespaces(connection)
    context = merged.context()
    store_namespaces(os.environ, context.name, context.value.cluster, context.value.user, names)
    return names


def _print_list(names: list[str], now: str, output: str) -> int:
    from eksauth.kubeconfig.context_lines import context_lines, wants_colour

    if output == "json":
        print_json([{"name": name, "current": name == now} for name in names])
    elif output == "name":
        click.echo("".join(f"{one_line(name)}\n" for name in names), nl=False)
    else:
        colour = wants_colour(os.environ, terminal=sys.stdout.isatty())
        click.echo(context_lines([(name, False, False) for name in names], now, colour=colour), nl=False, color=colour)
    return 0


def _can_pick() -> bool:
    from eksauth.cli.confirm import can_ask
    from eksauth.kubeconfig.fast import wants_picker

    return can_ask() and wants_picker(os.environ)


def _pick(names: list[str], now: str) -> str | None:
    from eksauth.cli.picker import Choice, pick

    return pick([Choice(name, "", list) for name in names], current=now, title="namespace")


def _switch(files: Files, merged: Merged, name: str, now: str, force: bool, timeout: float) -> int:
    from eksauth.kubeconfig.context_namespace import check_name, previous_namespace

    context = merged.context()
    if name == "-":
        return _write(files, context.name, previous_namespace(merged, os.environ), now)
    check_name(name)
    if not force:
        _require(merged, name, timeout)
    return _write(files, context.name, name, now)


def _require(merged: Merged, name: str, timeout: float) -> None:
    from eksauth.kube.namespaces import has_namespace

    connection = _connection(merged, timeout)
    try:
        exists = has_namespace(connection, name)
    except EksauthError as error:
        if isinstance(error, KubernetesError) and error.code in _UNREACHABLE:
            error.hint = f"{error.hint or 'try again'}; to switch without asking: eksauth ns {name} --force"
        raise
    if exists is None:
        complain("warning", f'you may not see whether namespace "{name}" exists; switching all the same')
    elif not exists:
        raise Refused(f'there is no namespace "{name}"', hint=_near(connection, merged, name), code="ns.missing")


def _near(connection: Connection, merged: Merged, name: str) -> str:
    from eksauth.spelling import nearest

    try:
        near = nearest(name, _list(connection, merged))
    except EksauthError:
        near = []
    force = f"to switch all the same: eksauth ns {name} --force"
    return f"did you mean {' or '.join(near)}; {force}" if near else force


def _write(files: Files, context: str, name: str | None, now: str) -> int:
    from eksauth.kubeconfig.context_namespace import set_namespace

    outcome = set_namespace(files, context, name, environ=os.environ)
    for warning in outcome.warnings:
        complain("warning", warning)
    shown = name or "default"
    same = f'context "{context}" is in namespace "{shown}" already'
    tell(same if shown == now else f'context "{context}" is now in namespace "{shown}" (was "{now}")')
    return 0
