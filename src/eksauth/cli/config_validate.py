"""``eksauth config validate``."""

from __future__ import annotations

import os

import click

from eksauth.cli.output import complain, one_line, print_json

_EPILOG = """\b
Examples:
  eksauth config validate
  eksauth config validate atmos.yaml --strict -o json
\b
Exit codes: 0 no errors, 1 errors were found (with --strict also warnings)."""


@click.command(epilog=_EPILOG)
@click.argument("file", required=False)
@click.option("--strict", is_flag=True, help="Warnings count as errors for the exit code.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def validate(file: str | None, strict: bool, output: str) -> int:
    """Find everything that is wrong with FILE, or with the configuration that would be used.

    Keys, kinds, values, names that mean nothing, circles, several defaults, integrations, guards, and who may write
    the file. In atmos.yaml an unknown key is an error here, though it is ignored when the file is used.
    """
    from eksauth.credentials.config.search import find_config
    from eksauth.credentials.config.validate import validate as run

    found = find_config(os.environ, flag=file)
    problems = run(found.path, os.environ, searched=found.searched) if found is not None else []
    failing = {"error", "warning"} if strict else {"error"}
    bad = any(problem.severity in failing for problem in problems)
    if output == "json":
        print_json(
            {
                "file": found.path if found is not None else None,
                "ok": not bad,
                "problems": [
                    {
                        "severity": problem.severity,
                        "code": problem.code,
                        "file": problem.place.file,
                        "line": problem.place.line,
                        "column": problem.place.column,
                        "message": problem.message,
                        "hint": problem.hint,
                    }
                    for problem in problems
                ],
            }
        )
        return int(bad)
    for problem in problems:
        click.echo(one_line(f"{problem.place}: {problem.severity}: {problem.message} [{problem.code}]"))
        if problem.hint is not None:
            click.echo(f"  fix: {one_line(problem.hint)}")
    if found is None:
        complain("config", "no configuration was found; profiles and the plain AWS chain work without one")
        return 0
    counts = [
        f"{number} {severity}{'' if number == 1 else 's'}"
        for severity in ("error", "warning", "note")
        for number in [sum(problem.severity == severity for problem in problems)]
    ]
    complain("config", f"{found.path}: {', '.join(counts)}")
    return int(bad)
