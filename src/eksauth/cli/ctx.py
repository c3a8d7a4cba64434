"""``eksauth ctx``: the contexts of the kubeconfig files, and which one is current."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from eksauth.cli.kubeconfig_options import chosen_files, kubeconfig_option
from eksauth.cli.output import complain, print_json
from eksauth.cli.protected import confirm_protected, tell
from eksauth.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from eksauth.kubeconfig.contexts import ContextRow
    from eksauth.kubeconfig.isolated.session import Session
    from eksauth.kubeconfig.paths import Files
    from eksauth.kubeconfig.resolve import Merged

_EPILOG = """\b
Examples:
  eksauth ctx                    pick one, or list them when nobody sits at a terminal
  eksauth ctx prod-eu            switch
  eksauth ctx -                  switch back
  eksauth ctx prod=arn:aws:eks:eu-west-1:111122223333:cluster/prod
  eksauth ctx --shell staging    a shell of its own; other terminals stay where they are"""


@click.command(epilog=_EPILOG, context_settings={"ignore_unknown_options": False})
@click.argument("names", nargs=-1, metavar="[NAME|-|NEW=OLD]")
@click.option("-l", "--list", "list_", is_flag=True, help="List, also on a terminal.")
@click.option("-c", "--current", is_flag=True, help="Print the current context.")
@click.option("-u", "--unset", is_flag=True, help="Have no current context.")
@click.option("-d", "--delete", is_flag=True, help="Delete the contexts NAME…; . is the current one.")
@click.option("--orphans", is_flag=True, help="With -d: delete clusters and users that nothing uses then, too.")
@click.option("-s", "--shell", is_flag=True, help="Start a shell that has this context to itself.")
@click.option("-y", "--yes", is_flag=True, help="Touch protected contexts without being asked.")
@click.option("-o", "--output", type=click.Choice(["text", "name", "json"]), help="Form of the list.")
@kubeconfig_option
def ctx(
    names: tuple[str, ...],
    list_: bool,
    current: bool,
    unset: bool,
    delete: bool,
    orphans: bool,
    shell: bool,
    yes: bool,
    output: str | None,
    kubeconfig: str | None,
) -> int:
    """List, switch, rename and delete contexts; without a name, pick one on a terminal.

    In the list, * marks the current one, [eksauth] what eksauth wrote, [protected] what it asks about first.
    """
    import gc

    from eksauth.kubeconfig.isolated.session import current_session

    gc.disable()  # a short life with many objects: collecting would cost half of the time
    actions = [
        word for word, given in (("-l", list_), ("-c", current), ("-u", unset), ("-d", delete), ("-s", shell)) if given
    ]
    if len(actions) > 1:
        raise UsageError(f"{' and '.join(actions)} do not go together", hint="see 'eksauth ctx --help'")
    if orphans and not delete:
        raise UsageError("--orphans goes with -d", hint="write: eksauth ctx -d NAME --orphans")
    if names and (list_ or current or unset or output):
        raise UsageError(f"no name is expected here: {names[0]}", hint="see 'eksauth ctx --help'")
    if len(names) > 1 and not delete:
        raise UsageError("one name at a time", hint="only -d takes several")
    session = None if kubeconfig else current_session(os.environ)
    files = session.files() if session else chosen_files(kubeconfig)
    if len(names) == 1 and not actions and not session and "=" not in names[0]:
        return _switch(files, names[0], yes)
    merged = _load(files)
    now = _current(merged, session)
    if current:
        return _print_current(merged, now)
    if delete or unset:
        return _in_files(session, lambda: _delete(files, merged, names, orphans, yes) if delete else _unset(files))
    if not names and (list_ or output or not _can_pick()):
        if shell:
            raise UsageError("name the context for the shell", hint="write: eksauth ctx --shell NAME")
        return _print_list(merged, now, output or "text")
    name = names[0] if names else _pick(merged, now)
    if name is None:
        return 130
    if shell:
        return _shell(merged, name, yes)
    from eksauth.kubeconfig.contexts import split_rename

    pair = None if name == "-" or not names else split_rename(merged, name)
    if pair:
        return _in_files(session, lambda: _rename(files, merged, pair, yes))
    return _switch_in(session, merged, name, yes) if session else _switch(files, name, yes)


def _load(files: Files) -> Merged:
    from eksauth.kubeconfig.contexts import load

    return load(files)


def _current(merged: Merged, session: Session | None) -> str:
    from eksauth.kubeconfig.contexts import current_name, load
    from eksauth.kubeconfig.paths import kubeconfig_files

    return current_name(load(kubeconfig_files(os.environ)) if session else merged)


def _in_files(session: Session | None, work: object) -> int:
    if session:
        raise UsageError("this shell has one context to itself", hint="leave it first: exit")
    return work()  # type: ignore[operator,no-any-return]


def _print_current(merged: Merged, now: str) -> int:
    if not now:
        complain("error", "current-context is not set")
        complain("hint", "choose one with eksauth ctx NAME")
        return 1
    click.echo(now)
    if now not in merged.contexts:
        complain("warning", f'there is no context "{now}"')
    return 0


def _print_list(merged: Merged, now: str, output: str) -> int:
    from eksauth.kubeconfig.context_lines import context_lines, visible, wants_colour
    from eksauth.kubeconfig.contexts import rows

    found = rows(merged, now)
    terminal = sys.stdout.isatty()
    if output == "json":
        print_json([_as_dict(row) for row in found])
    elif output == "name":
        click.echo("".join(f"{visible(row.name) if terminal else row.name}\n" for row in found), nl=False)
    else:
        lines = [(row.name, row.owner is not None, row.protected) for row in found]
        colour = wants_colour(os.environ, terminal=terminal)
        click.echo(context_lines(lines, now, colour=colour), nl=False, color=colour)
    if now and now not in merged.contexts:
        complain("warning", f'the current context is "{now}", which does not exist')
    if not found:
        complain("hint", "there are no contexts; add clusters with eksauth kubeconfig update")
    return 0


def _as_dict(row: object) -> dict[str, object]:
    from dataclasses import asdict

    shown = asdict(row)  # type: ignore[call-overload]
    owner = shown.pop("owner")
    return {**shown, "owner": "eksauth" if owner else "", "file": str(shown["file"])}


def _can_pick() -> bool:
    from eksauth.cli.confirm import can_ask
    from eksauth.kubeconfig.fast import wants_picker

    return can_ask() and wants_picker(os.environ)


def _pick(merged: Merged, now: str) -> str | None:
    from eksauth.cli.picker import Choice, pick
    from eksauth.kubeconfig.contexts import rows
    from eksauth.kubeconfig.preview import preview

    if not merged.contexts:
        raise UsageError("there are no contexts", hint="add clusters with eksauth kubeconfig update")
    found = rows(merged, now)

    def details(row: ContextRow) -> Callable[[], list[tuple[str, str]]]:
        return lambda: preview(merged, row)

    choices = [Choice(row.name, "  [protected]" if row.protected else "", details(row)) for row in found]
    return pick(choices, current=now, title="context")


def _switch(files: Files, name: str, yes: bool) -> int:
    from eksauth.kubeconfig.context_lines import switched_line
    from eksauth.kubeconfig.contexts import switch
    from eksauth.kubeconfig.guard import ProtectedContext

    try:
        done = switch(files, name)
    except ProtectedContext as error:  # asked without the locks held, and only when there is something to ask
        done = switch(files, name, agreed=confirm_protected([error.context], "switch to", yes=yes))
    for warning in done.warnings:
        complain("warning", warning)
    click.echo(switched_line(done.name, done.before), err=True, nl=False)
    return 0


def _switch_in(session: Session, merged: Merged, name: str, yes: bool) -> int:
    from eksauth.kubeconfig.context_lines import switched_line
    from eksauth.kubeconfig.contexts import require_context
    from eksauth.kubeconfig.guard import protected_among
    from eksauth.kubeconfig.isolated.session import previous_in, switch_in

    wanted = previous_in(session) if name == "-" else name
    require_context(merged, wanted)
    confirm_protected(protected_among(merged, [wanted]), "switch to", yes=yes)
    before = switch_in(session, merged, wanted, Path.cwd())
    click.echo(switched_line(wanted, before), err=True, nl=False)
    return 0


def _rename(files: Files, merged: Merged, pair: tuple[str, str], yes: bool) -> int:
    from eksauth.kubeconfig.contexts import rename
    from eksauth.kubeconfig.guard import protected_among

    new, old = pair
    agreed = confirm_protected(protected_among(merged, [old]), "rename", yes=yes)
    outcome = rename(files, old, new, agreed=agreed)
    for warning in outcome.warnings:
        complain("warning", warning)
    tell(f'context "{old}" is now called "{new}"')
    return 0


def _unset(files: Files) -> int:
    from eksauth.kubeconfig.contexts import unset

    before = unset(files)
    tell(f'no context is current now (was "{before}")' if before else "no context was current")
    return 0


def _delete(files: Files, merged: Merged, names: tuple[str, ...], orphans: bool, yes: bool) -> int:
    from eksauth.kubeconfig.contexts import delete, require_context
    from eksauth.kubeconfig.document import BODY_KEYS
    from eksauth.kubeconfig.guard import protected_among

    if not names:
        raise UsageError("name the contexts to delete", hint="write: eksauth ctx -d NAME…, or . for the current one")
    wanted = [merged.context().name if name == "." else require_context(merged, name).name for name in names]
    agreed = confirm_protected(protected_among(merged, wanted), "delete", yes=yes)
    done = delete(files, wanted, orphans_too=orphans, agreed=agreed)
    for name in done.names:
        tell(f'deleted context "{name}"')
    left = [f'{BODY_KEYS[section]} "{name}"' for section, name in done.orphans]
    if left and done.removed_orphans:
        tell(f"deleted {', '.join(left)}")
    elif left:
        complain("hint", f"nothing uses {', '.join(left)} any more; --orphans deletes such entries, too")
    if done.was_current:
        complain("warning", f'"{done.was_current}" was the current context; none is current now')
    for name in done.returned:
        complain("warning", f'another file has a context "{name}", which counts now')
    for warning in done.outcome.warnings:
        complain("warning", warning)
    return 0


def _shell(merged: Merged, name: str, yes: bool) -> int:
    from eksauth.cli.isolated import start_shell
    from eksauth.kubeconfig.contexts import previous_context

    wanted = previous_context(merged, os.environ) if name == "-" else name
    return start_shell(merged, wanted, yes=yes)
