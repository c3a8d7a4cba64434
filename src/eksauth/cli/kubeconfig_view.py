"""``eksauth kubeconfig view``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from eksauth.cli.columns import columns
from eksauth.cli.kubeconfig_options import kubeconfig_option, load
from eksauth.cli.output import print_json

if TYPE_CHECKING:
    from eksauth.kubeconfig.provenance import Provenance
    from eksauth.kubeconfig.resolve import Merged

_EPILOG = """\b
Examples:
  eksauth kubeconfig view
  eksauth kubeconfig view --explain
  eksauth kubeconfig view --minify --flatten --context prod > prod.yaml"""


@click.command(epilog=_EPILOG)
@kubeconfig_option
@click.option("--raw", is_flag=True, help="Show secrets and certificate data.")
@click.option("--minify", is_flag=True, help="Only what one context needs; the current one, or --context.")
@click.option("--flatten", is_flag=True, help="Take in the files that entries name, secrets included; implies --raw.")
@click.option("--context", metavar="NAME", help="The context for --minify, which it implies.")
@click.option("--explain", "explain_", is_flag=True, help="Which file and line gave each entry, and what it hides.")
@click.option("-o", "--output", type=click.Choice(["yaml", "json"]), help="Default: yaml; a table with --explain.")
def view(
    kubeconfig: str | None,
    raw: bool,
    minify: bool,
    flatten: bool,
    context: str | None,
    explain_: bool,
    output: str | None,
) -> None:
    """Print what all files say together, as kubectl merges them, without secrets.

    Besides what kubectl hides, variables of exec plugins that look like secrets, auth-provider settings and passwords
    in proxy URLs are hidden. With --raw -o json the output is that of 'kubectl config view --raw -o json'.
    """
    merged = load(kubeconfig)
    if minify or context:
        from eksauth.kubeconfig.minify import minify as minified

        merged = minified(merged, context)
    if explain_:
        from eksauth.kubeconfig.provenance import explain

        _print_provenance(explain(merged), output)
        return
    click.echo(_text(merged, output, raw=raw, flatten=flatten), nl=False)


def _text(merged: Merged, output: str | None, *, raw: bool, flatten: bool) -> str:
    from eksauth.kubeconfig.view import as_dict, as_json, as_yaml

    if flatten:
        from eksauth.kubeconfig.flatten import flatten as flattened

        merged = flattened(merged, Path.cwd())
    elif not raw:
        from eksauth.kubeconfig.redact import redact

        merged = redact(merged)
    values = as_dict(merged)
    return f"{as_json(values)}\n" if output == "json" else as_yaml(values)


def _print_provenance(found: Provenance, output: str | None) -> None:
    if output == "json":
        print_json(_as_dict(found))
        return
    if output == "yaml":
        from eksauth.kubeconfig.view import as_yaml

        click.echo(as_yaml(_as_dict(found)), nl=False)
        return
    files = [["read", str(path)] for path in found.read] + [["missing", str(path)] for path in found.missing]
    files.append(["new entries go to", str(found.new_entries or "nowhere: KUBECONFIG names no file")])
    click.echo(columns(["FILES", f"({found.asked_by})"], files))
    rows = [
        [origin.kind, origin.name, str(origin.place), ", ".join(map(str, origin.shadowed))] for origin in found.origins
    ]
    click.echo(columns(["KIND", "NAME", "FROM", "HIDES"], rows), nl=False)


def _as_dict(found: Provenance) -> dict[str, object]:
    return {
        "asked_by": found.asked_by,
        "read": [str(path) for path in found.read],
        "missing": [str(path) for path in found.missing],
        "new_entries": str(found.new_entries) if found.new_entries else None,
        "origins": [
            {
                "kind": origin.kind,
                "name": origin.name,
                "file": str(origin.place.path),
                "line": origin.place.line,
                "shadowed": [{"file": str(place.path), "line": place.line} for place in origin.shadowed],
            }
            for origin in found.origins
        ],
    }
