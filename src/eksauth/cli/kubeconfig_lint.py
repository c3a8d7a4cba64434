"""``eksauth kubeconfig lint``."""

from __future__ import annotations

import os
import time
from pathlib import Path

import click

from eksauth.cli.kubeconfig_options import chosen_files, kubeconfig_option
from eksauth.cli.output import complain, one_line, print_json

_EPILOG = """\b
Examples:
  eksauth kubeconfig lint
  eksauth kubeconfig lint --kubeconfig from-a-colleague.yaml --strict -o json
\b
Exit codes: 0 no errors, 1 errors were found (with --strict also warnings)."""


@click.command(epilog=_EPILOG)
@kubeconfig_option
@click.option(
    "--level",
    type=click.Choice(["error", "warning", "info"]),
    default="warning",
    show_default=True,
    help="The least serious findings to print.",
)
@click.option("--strict", is_flag=True, help="Warnings count as errors for the exit code.")
@click.option("--fix-permissions", is_flag=True, help="Take away what group and others may do with the files.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def lint(kubeconfig: str | None, level: str, strict: bool, fix_permissions: bool, output: str) -> int:
    """Find what is broken, risky or stale in kubeconfig files; each finding says where it is and how to mend it."""
    from eksauth.kubeconfig.lint.finding import LEVELS, Surroundings
    from eksauth.kubeconfig.lint.run import fix_permissions as make_private
    from eksauth.kubeconfig.lint.run import lint as run

    files = chosen_files(kubeconfig)
    if fix_permissions:
        for path in make_private(files):
            complain("fixed", f"{path} is private now")
    everything = run(files, Surroundings(Path.cwd(), time.time(), os.environ.get("PATH", os.defpath)))
    shown = [finding for finding in everything if LEVELS.index(finding.level) <= LEVELS.index(level)]
    if output == "json":
        print_json(
            [
                {
                    "level": item.level,
                    "code": item.code,
                    "file": str(item.path),
                    "line": item.line,
                    "column": item.column,
                    "what": item.message,
                    "fix": item.fix,
                }
                for item in shown
            ]
        )
    else:
        for item in shown:
            click.echo(one_line(f"{item.place}: {item.level}: {item.message} [{item.code}]"))
            click.echo(f"  fix: {one_line(item.fix)}")
        counts = [
            f"{number} {noun}{'' if number == 1 else 's'}"
            for name, noun in (("error", "error"), ("warning", "warning"), ("info", "note"))
            for number in [sum(item.level == name for item in everything)]
        ]
        hidden = len(everything) - len(shown)
        more = f" ({hidden} not shown: --level info)" if hidden else ""
        complain("lint", f"{', '.join(counts)}{more}")
    failing = {"error", "warning"} if strict else {"error"}
    return 1 if any(item.level in failing for item in everything) else 0
