"""``eksauth kubeconfig merge``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from eksauth.cli.confirm import confirmed
from eksauth.cli.kubeconfig_change import change_options, report
from eksauth.cli.output import complain
from eksauth.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from eksauth.kubeconfig.combine import Source
    from eksauth.kubeconfig.document import Document
    from eksauth.kubeconfig.importing import Import, Plan

_EPILOG = """\b
Examples:
  eksauth kubeconfig merge new.yaml --into ~/.kube/config --dry-run
  eksauth kubeconfig merge a.yaml b.yaml --to both.yaml
  ssh node cat /etc/rancher/k3s/k3s.yaml | eksauth kubeconfig merge - --into ~/.kube/config
\b
Template variables: {name} the taken name, {origin} ACCOUNT-REGION or else the file's name, {file}, {account},
{region}, {cluster}; what is still taken gets -2, -3 and so on."""


@click.command(epilog=_EPILOG)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--into", metavar="FILE", type=click.Path(path_type=Path), help="Add to this file; its entries stay.")
@click.option("--to", metavar="FILE", type=click.Path(path_type=Path), help="Write a new file; it must not exist.")
@click.option(
    "--rename-template", metavar="TEXT", default="{name}-{origin}", show_default=True, help="Names for taken names."
)
@click.option("-y", "--yes", is_flag=True, help="Import users that make kubectl run programs without asking.")
@change_options
def merge(
    files: tuple[str, ...],
    into: Path | None,
    to: Path | None,
    rename_template: str,
    yes: bool,
    dry_run: bool,
    fix_permissions: bool,
    output: str,
) -> None:
    """Merge kubeconfig FILEs ('-' is standard input) so that every context keeps its own cluster and user.

    Without --into or --to the result is printed, secrets included. Entries with a name that something else has get a
    new one, and their contexts follow; what is there already is left out; relative paths keep their meaning.
    """
    from eksauth.kubeconfig.importing import Import, merged_text, plan_import, write_import
    from eksauth.kubeconfig.name_template import NameTemplate
    from eksauth.kubeconfig.session import Settings

    if into is not None and to is not None:
        raise UsageError("--into and --to exclude each other", hint="--into adds to a file, --to makes a new one")
    if into is None and to is None and (dry_run or output == "json"):
        flag = "--dry-run" if dry_run else "-o json"
        raise UsageError(f"{flag} goes with --into or --to", hint="without them the result is printed, as YAML")
    if to is not None and to.exists():
        raise ConfigError(
            f"{to} exists already", hint=f"add to it with --into {to}, or remove it", code="kubeconfig.exists"
        )
    target = into or to
    wanted = Import(_sources(files), NameTemplate(rename_template), target, Path.cwd())
    plan = plan_import(wanted, _existing(into))
    _warn(plan)
    if target is None:
        click.echo(merged_text(plan), nl=False)
        return
    if plan.risks and not dry_run:
        count = _count(len(plan.risks), "user")
        question = f"Import {count} for whom kubectl will run these programs?"
        confirmed(question, yes=yes, refusal=f"import {count} that make kubectl run programs")
    outcome = write_import(wanted, dry_run=dry_run, settings=Settings(fix_permissions=fix_permissions))
    report(outcome, _lines(wanted, plan, dry_run=dry_run), _details(plan), output)


def _sources(files: tuple[str, ...]) -> tuple[Source, ...]:
    from eksauth.kubeconfig.importing import read_sources, source_of
    from eksauth.kubeconfig.source import MAX_FILE_BYTES

    if files.count("-") > 1:
        raise UsageError("standard input can be read once only", hint="name '-' once")
    found: list[Source] = []
    for name in files:
        if name == "-":
            data = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
            found.append(source_of(data, "stdin", Path.cwd()))
        else:
            found += read_sources([Path(name)], Path.cwd())
    return tuple(found)


def _existing(into: Path | None) -> Document | None:
    from eksauth.kubeconfig.document import load_document

    return None if into is None else load_document(into)


def _warn(plan: Plan) -> None:
    for risk in plan.risks:
        complain("warning", risk.describe())
    for context, missing in plan.combined.dangling:
        complain("warning", f'context "{context}" names the {missing}, which none of the files has')
    for path, key in plan.combined.dropped:
        complain("warning", f"{path}: its {key} is left out: an earlier file has another")


def _lines(wanted: Import, plan: Plan, *, dry_run: bool) -> list[str]:
    combined, where = plan.combined, wanted.into
    counts = [_count(len(items), section[:-1]) for section, items in combined.added.items() if items]
    lines = [f"{'add' if dry_run else 'added'} {', '.join(counts) or 'nothing new'} to {where}"]
    verb = "rename" if dry_run else "renamed"
    lines += [
        f'{verb} {item.section[:-1]} "{item.old}" of {item.path}:{item.line} to "{item.new}"'
        for item in combined.renamed
    ]
    if combined.twins:
        lines.append(f"{'leave' if dry_run else 'left'} out what is there already ({len(combined.twins)})")
    return lines


def _details(plan: Plan) -> dict[str, object]:
    combined = plan.combined
    return {
        "added": {section: [item["name"] for item in items] for section, items in combined.added.items()},
        "renamed": [
            {"kind": item.section[:-1], "old": item.old, "new": item.new, "file": str(item.path), "line": item.line}
            for item in combined.renamed
        ],
        "left_out": [
            {"kind": item.section[:-1], "name": item.name, "file": str(item.path), "line": item.line}
            for item in combined.twins
        ],
        "dangling": [{"context": context, "missing": missing} for context, missing in combined.dangling],
        "runs": [
            {"user": risk.user, "command": risk.command, "variables": list(risk.variables)} for risk in plan.risks
        ],
    }


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
