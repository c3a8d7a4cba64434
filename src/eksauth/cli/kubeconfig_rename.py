"""``eksauth kubeconfig rename``."""

from __future__ import annotations

import click

from eksauth.cli.kubeconfig_change import change_options, report
from eksauth.cli.kubeconfig_options import chosen_files, kubeconfig_option
from eksauth.errors import UsageError

_EPILOG = """\b
Examples:
  eksauth kubeconfig rename arn:aws:eks:eu-west-1:111122223333:cluster/demo demo
  eksauth kubeconfig rename --user kubernetes-admin admin-of-demo"""


@click.command(epilog=_EPILOG)
@click.argument("old")
@click.argument("new")
@click.option("--cluster", is_flag=True, help="OLD and NEW are clusters.")
@click.option("--user", is_flag=True, help="OLD and NEW are users.")
@kubeconfig_option
@change_options
def rename(
    old: str,
    new: str,
    cluster: bool,
    user: bool,
    kubeconfig: str | None,
    dry_run: bool,
    fix_permissions: bool,
    output: str,
) -> None:
    """Rename a context, or a cluster or user with every context that uses it, in all files; current-context follows.

    A name that exists already is refused.
    """
    from eksauth.kubeconfig.renaming import plan_rename
    from eksauth.kubeconfig.session import Settings
    from eksauth.kubeconfig.store import apply

    if cluster and user:
        raise UsageError("--cluster and --user exclude each other", hint="rename one after the other")
    section = "clusters" if cluster else "users" if user else "contexts"
    kind = section[:-1]
    outcome = apply(
        chosen_files(kubeconfig),
        lambda merged: plan_rename(merged, section, old, new),
        dry_run=dry_run,
        reason=f"rename {kind} {old} to {new}",
        settings=Settings(fix_permissions=fix_permissions),
    )
    where = ", ".join(map(str, outcome.files))
    line = f'{"rename" if dry_run else "renamed"} {kind} "{old}" to "{new}" in {where}'
    report(outcome, [line] if outcome.changed else [], {"kind": kind, "old": old, "new": new}, output)
