"""``eksauth kubeconfig list``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from eksauth.cli.columns import columns
from eksauth.cli.kubeconfig_options import kubeconfig_option, load
from eksauth.cli.output import complain, print_json

if TYPE_CHECKING:
    from eksauth.kubeconfig.listing import Row

_EPILOG = """\b
Examples:
  eksauth kubeconfig list
  eksauth kubeconfig list 'prod-*' -o json
\b
Exit codes: 0 something is listed or there are no contexts, 1 nothing fits the patterns."""


@click.command("list", epilog=_EPILOG)
@click.argument("patterns", nargs=-1, metavar="[PATTERN]...")
@kubeconfig_option
@click.option("-o", "--output", type=click.Choice(["table", "wide", "json", "name"]), default="table")
def list_(patterns: tuple[str, ...], kubeconfig: str | None, output: str) -> int:
    """List the contexts of all files with cluster, user, namespace, owner and file; * marks the current one.

    PATTERN is a name or a shell pattern such as 'prod-*'. OWNER is eksauth for entries that eksauth wrote.
    """
    from eksauth.kubeconfig.listing import list_contexts

    merged = load(kubeconfig)
    rows = list_contexts(merged, patterns)
    if output == "json":
        print_json([_as_dict(row) for row in rows])
    elif output == "name":
        click.echo("".join(f"{row.name}\n" for row in rows), nl=False)
    else:
        _print_table(rows, wide=output == "wide")
    if not rows and merged.contexts:
        complain("error", "no context fits the given names")
        return 1
    if not merged.contexts and output in {"table", "wide"}:
        where = ", ".join(map(str, merged.files.paths)) or "KUBECONFIG"
        complain("hint", f"there are no contexts in {where}; eksauth kubeconfig update adds EKS clusters")
    return 0


def _print_table(rows: list[Row], *, wide: bool) -> None:
    headings = ["CURRENT", "NAME", "CLUSTER", "USER", "NAMESPACE", "OWNER", "FILE"]
    if wide:
        headings += ["SERVER", "AUTH", "ACCOUNT", "REGION", "MISSING"]
    cells = []
    for row in rows:
        file = str(row.place) if wide else str(row.place.path)
        line = ["*" if row.current else "", row.name, row.cluster, row.user, row.namespace, row.owner, file]
        if wide:
            line += [row.server, row.auth, row.account, row.region, ", ".join(row.missing)]
        cells.append(line)
    click.echo(columns(headings, cells), nl=False)


def _as_dict(row: Row) -> dict[str, object]:
    return {
        "name": row.name,
        "current": row.current,
        "cluster": row.cluster,
        "user": row.user,
        "namespace": row.namespace,
        "owner": row.owner,
        "account": row.account,
        "region": row.region,
        "server": row.server,
        "auth": row.auth,
        "file": str(row.place.path),
        "line": row.place.line,
        "shadows": [{"file": str(place.path), "line": place.line} for place in row.shadows],
        "missing": list(row.missing),
    }
