"""``eksauth kubeconfig rename``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from eksauth.cli.kubeconfig_change import change_options, report
from eksauth.cli.kubeconfig_options import chosen_files, kubeconfig_option, load
from eksauth.cli.protected import confirm_protected
from eksauth.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eksauth.kubeconfig.resolve import Merged
    from eksauth.kubeconfig.routing import Change

_EPILOG = """\b
Examples:
  eksauth kubeconfig rename arn:aws:eks:eu-west-1:111122223333:cluster/demo demo
  eksauth kubeconfig rename --user kubernetes-admin admin-of-demo"""


@click.command(epilog=_EPILOG)
@click.argument("old")
@click.argument("new")
@click.option("--cluster", is_flag=True, help="OLD and NEW are clusters.")
@click.option("--user", is_flag=True, help="OLD and NEW are users.")
@click.option("-y", "--yes", is_flag=True, help="Rename a protected context without being asked.")
@kubeconfig_option
@change_options
def rename(
    old: str,
    new: str,
    cluster: bool,
    user: bool,
    yes: bool,
    kubeconfig: str | None,
    dry_run: bool,
    fix_permissions: bool,
    output: str,
) -> None:
    """Rename a context, or a cluster or user with every context that uses it, in all files; current-context follows.

    A name that exists already is refused; a protected context is asked about.
    """
    from eksauth.kubeconfig.contexts import require_agreed
    from eksauth.kubeconfig.guard import protected_among
    from eksauth.kubeconfig.renaming import plan_rename
    from eksauth.kubeconfig.session import Settings
    from eksauth.kubeconfig.store import apply

    if cluster and user:
        raise UsageError("--cluster and --user exclude each other", hint="rename one after the other")
    section = "clusters" if cluster else "users" if user else "contexts"
    kind = section[:-1]
    guarded = section == "contexts" and not (yes or dry_run)
    agreed: list[str] = []
    if guarded:
        agreed = confirm_protected(protected_among(load(kubeconfig), [old]), "rename", yes=False)

    def decide(merged: Merged) -> Sequence[Change]:
        if guarded:
            require_agreed(merged, [old], agreed)
        return plan_rename(merged, section, old, new)

    outcome = apply(
        chosen_files(kubeconfig),
        decide,
        dry_run=dry_run,
        reason=f"rename {kind} {old} to {new}",
        settings=Settings(fix_permissions=fix_permissions),
    )
    where = ", ".join(map(str, outcome.files))
    line = f'{"rename" if dry_run else "renamed"} {kind} "{old}" to "{new}" in {where}'
    report(outcome, [line] if outcome.changed else [], {"kind": kind, "old": old, "new": new}, output)
