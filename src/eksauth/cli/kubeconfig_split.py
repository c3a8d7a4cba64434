"""``eksauth kubeconfig split``."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import click

from eksauth.cli.kubeconfig_options import kubeconfig_option, load
from eksauth.cli.output import complain, one_line, print_json

_EPILOG = """\b
Examples:
  eksauth kubeconfig split --dir ~/.kube/contexts
  eksauth kubeconfig split prod --flatten --dir out"""


@click.command(epilog=_EPILOG)
@click.argument("contexts", nargs=-1, metavar="[CONTEXT]...")
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("kubeconfigs"),
    show_default=True,
    help="Where the files go; made with mode 0700.",
)
@click.option("--flatten", is_flag=True, help="Take in the certificate and key files that entries name.")
@click.option("--force", is_flag=True, help="Replace files that exist; 'undo --kubeconfig FILE' brings one back.")
@click.option("--dry-run", is_flag=True, help="Write nothing; print which files would be written.")
@kubeconfig_option
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def split(
    contexts: tuple[str, ...],
    directory: Path,
    flatten: bool,
    force: bool,
    dry_run: bool,
    kubeconfig: str | None,
    output: str,
) -> None:
    """Write one private file per CONTEXT (default: all) with just its cluster and user; the sources stay as they are.

    Characters of a name that are unsafe in file names become '_', and such a name ends in a part of its hash.
    """
    from eksauth.kubeconfig.split import split as parts_of
    from eksauth.kubeconfig.split_write import write_parts

    parts = parts_of(load(kubeconfig), contexts, directory, Path.cwd())
    if flatten:
        from eksauth.kubeconfig.flatten_text import flattened_text

        parts = [replace(part, text=flattened_text(part.text, part.path, Path.cwd())) for part in parts]
    for part in parts:
        for missing in part.missing:
            complain("warning", f'context "{part.context}" names the {missing}, which does not exist')
    outcome = write_parts(parts, force=force, dry_run=dry_run, now=time.time())
    for warning in outcome.warnings:
        complain("warning", warning)
    written = set(outcome.files)
    if output == "json":
        print_json(
            [
                {"context": part.context, "file": str(part.path), "written": part.path in written and not dry_run}
                for part in parts
            ]
        )
        return
    for part in parts:
        verb = ("would write" if dry_run else "wrote") if part.path in written else "unchanged"
        click.echo(one_line(f"{verb} {part.path}"))
