"""``eksauth kubeconfig undo``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from eksauth.cli.columns import columns
from eksauth.cli.kubeconfig_change import change_options, report
from eksauth.cli.kubeconfig_options import chosen_files, kubeconfig_option
from eksauth.cli.output import complain, print_json
from eksauth.errors import UsageError

if TYPE_CHECKING:
    from eksauth.kubeconfig.history import Write

_EPILOG = """\b
Examples:
  eksauth kubeconfig undo
  eksauth kubeconfig undo --list
  eksauth kubeconfig undo 01795289912345678901 --dry-run"""


@click.command(epilog=_EPILOG)
@click.argument("id_", metavar="[ID]", required=False)
@click.option("--list", "list_", is_flag=True, help="List the writes that can be undone, newest first.")
@kubeconfig_option
@change_options
def undo(
    id_: str | None, list_: bool, kubeconfig: str | None, dry_run: bool, fix_permissions: bool, output: str
) -> None:
    """Take back the last write of eksauth to the kubeconfig files, or put them back to before the write ID.

    Undoing is a write too: 'undo' again takes it back. Writes of kubectl and others are not kept, but what a file held
    before the next write of eksauth is.
    """
    from eksauth.kubeconfig.history import choose_write, list_writes
    from eksauth.kubeconfig.outcome import Outcome
    from eksauth.kubeconfig.session import Settings
    from eksauth.kubeconfig.undo import restore

    writes = list_writes(chosen_files(kubeconfig).paths)
    if list_:
        if id_ is not None:
            raise UsageError("--list takes no ID", hint="leave one of them out")
        _print_list(writes, output)
        return
    write, files = choose_write(writes, id_)
    settings, now = Settings(fix_permissions=fix_permissions), time.time()
    outcomes = [restore(path, key=backup.key, dry_run=dry_run, settings=settings, at=now) for path, backup in files]
    outcome = Outcome(
        tuple(change for done in outcomes for change in done.changes),
        tuple(warning for done in outcomes for warning in done.warnings),
        dry_run=dry_run,
    )
    where = ", ".join(map(str, outcome.files))
    if not outcome.changed:
        complain("hint", "the files are as they were before that write; nothing to do")
    redo = write.reason.startswith("undo: ")
    verb = ("redo" if redo else "undo") if dry_run else ("redid" if redo else "undid")
    what = write.reason.removeprefix("undo: ").removeprefix("redo: ")
    lines = [f"{verb} {what} in {where}"] if outcome.changed else []
    report(outcome, lines, {"id": write.key, "undone": write.reason}, output)


def _print_list(writes: list[Write], output: str) -> None:
    if output == "json":
        print_json(
            [
                {
                    "id": write.key,
                    "time": _utc(write.time),
                    "what": write.reason,
                    "files": [{"file": str(path), "existed": kept.sha256 is not None} for path, kept in write.backups],
                }
                for write in writes
            ]
        )
        return
    rows = [
        [write.key, _utc(write.time), write.reason, ", ".join(str(path) for path, _ in write.backups)]
        for write in writes
    ]
    click.echo(columns(["ID", "TIME", "WHAT", "FILES"], rows), nl=False)


def _utc(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
