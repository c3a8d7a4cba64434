"""``eksauth kubeconfig list``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from eksauth.cli.columns import columns
from eksauth.cli.kubeconfig_options import chosen_files, kubeconfig_option, load
from eksauth.cli.output import complain, print_json

if TYPE_CHECKING:
    from eksauth.kubeconfig.listing import Row
    from eksauth.kubeconfig.listing_quick import Line

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
    if output in {"table", "name"}:
        lines, any_at_all = _plain(patterns, kubeconfig)
        if output == "name":
            click.echo("".join(f"{line.name}\n" for line in lines), nl=False)
        else:
            click.echo(columns(_HEADINGS, map(_cells, lines)), nl=False)
        found = bool(lines)
    else:
        rows, any_at_all = _full(patterns, kubeconfig)
        if output == "json":
            print_json([_as_dict(row) for row in rows])
        else:
            click.echo(columns([*_HEADINGS, *_WIDE], map(_wide_cells, rows)), nl=False)
        found = bool(rows)
    if any_at_all and not found:
        complain("error", "no context fits the given names")
        return 1
    if not any_at_all and output in {"table", "wide"}:
        where = ", ".join(map(str, chosen_files(kubeconfig).paths)) or "KUBECONFIG"
        complain("hint", f"there are no contexts in {where}; eksauth kubeconfig update adds EKS clusters")
    return 0


_HEADINGS = ("CURRENT", "NAME", "CLUSTER", "USER", "NAMESPACE", "OWNER", "FILE")
_WIDE = ("SERVER", "AUTH", "ACCOUNT", "REGION", "MISSING")


def _plain(patterns: tuple[str, ...], kubeconfig: str | None) -> tuple[list[Line], bool]:
    """Return the lines and whether there are contexts at all, by scanning where that is possible."""
    from eksauth.kubeconfig.listing_quick import quick_list

    if not kubeconfig:
        quick = quick_list(os.environ, patterns)
        if quick is not None:
            return quick
    rows, any_at_all = _full(patterns, kubeconfig)
    return [row.line for row in rows], any_at_all


def _full(patterns: tuple[str, ...], kubeconfig: str | None) -> tuple[list[Row], bool]:
    from eksauth.kubeconfig.listing import list_contexts

    merged = load(kubeconfig)
    return list_contexts(merged, patterns), bool(merged.contexts)


def _cells(line: Line) -> list[str]:
    mark, owner = "*" if line.current else "", "eksauth" if line.owned else ""
    return [mark, line.name, line.cluster, line.user, line.namespace, owner, line.file]


def _wide_cells(row: Row) -> list[str]:
    plain = _cells(row.line)
    return [*plain[:-1], str(row.place), row.server, row.auth, row.account, row.region, ", ".join(row.missing)]


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
