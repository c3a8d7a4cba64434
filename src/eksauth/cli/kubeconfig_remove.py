"""``eksauth kubeconfig remove``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from eksauth.cli.kubeconfig_change import change_options, report
from eksauth.cli.kubeconfig_options import chosen_files, kubeconfig_option, load
from eksauth.cli.output import complain
from eksauth.cli.protected import confirm_protected
from eksauth.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eksauth.kubeconfig.removal import Removal
    from eksauth.kubeconfig.resolve import Merged
    from eksauth.kubeconfig.routing import Change

_EPILOG = """\b
Examples:
  eksauth kubeconfig remove staging
  eksauth kubeconfig remove --cluster old --dry-run"""


@click.command(epilog=_EPILOG)
@click.argument("contexts", nargs=-1, metavar="[CONTEXT]...")
@click.option("--cluster", "clusters", metavar="NAME", multiple=True, help="A cluster and its contexts; repeatable.")
@click.option("--user", "users", metavar="NAME", multiple=True, help="A user and its contexts; repeatable.")
@click.option("--keep-orphans", is_flag=True, help="Remove nothing but what is named.")
@click.option("-y", "--yes", is_flag=True, help="Remove protected contexts without being asked.")
@kubeconfig_option
@change_options
def remove(
    contexts: tuple[str, ...],
    clusters: tuple[str, ...],
    users: tuple[str, ...],
    keep_orphans: bool,
    yes: bool,
    kubeconfig: str | None,
    dry_run: bool,
    fix_permissions: bool,
    output: str,
) -> None:
    """Remove contexts, and the clusters and users that no other context uses, from every file that has them.

    When the current context goes, current-context is unset. Protected contexts are asked about.
    'eksauth kubeconfig undo' brings everything back.
    """
    from eksauth.kubeconfig.contexts import require_agreed
    from eksauth.kubeconfig.guard import protected_among
    from eksauth.kubeconfig.removal import plan_removal
    from eksauth.kubeconfig.session import Settings
    from eksauth.kubeconfig.store import apply

    named = {"contexts": contexts, "clusters": clusters, "users": users}
    wanted = [(section, name) for section, names in named.items() for name in dict.fromkeys(names)]
    if not wanted:
        raise UsageError("nothing to remove is named", hint="give a context, --cluster NAME or --user NAME")
    plan: Removal | None = None
    agreed: list[str] = []
    if not (yes or dry_run):
        now = load(kubeconfig)
        touched = plan_removal(now, wanted, keep_orphans=keep_orphans).contexts
        agreed = confirm_protected(protected_among(now, touched), "remove", yes=False)

    def decide(merged: Merged) -> Sequence[Change]:
        nonlocal plan
        plan = plan_removal(merged, wanted, keep_orphans=keep_orphans)
        if not (yes or dry_run):
            require_agreed(merged, plan.contexts, agreed)
        return plan.changes

    outcome = apply(
        chosen_files(kubeconfig),
        decide,
        dry_run=dry_run,
        reason=_reason(wanted),
        settings=Settings(fix_permissions=fix_permissions),
    )
    if plan is None:
        return
    verb = "remove" if dry_run else "removed"
    lines = [
        f"{verb} {entry.what} from {', '.join(map(str, entry.files))}" + (f" ({entry.why})" if entry.why else "")
        for entry in plan.removed
    ]
    for name in plan.dangling:
        complain("warning", f'context "{name}" now names something that does not exist')
    if plan.unset_current:
        then = f'; "{plan.next_current}" is current now' if plan.next_current else ""
        complain("warning", f"this was the current context{then}; choose one with eksauth ctx NAME")
    details = {
        "removed": [
            {
                "kind": entry.section[:-1],
                "name": entry.name,
                "files": [str(path) for path in entry.files],
                "why": entry.why,
            }
            for entry in plan.removed
        ],
        "dangling": list(plan.dangling),
        "current_context_unset": bool(plan.unset_current),
    }
    report(outcome, lines, details, output)


def _reason(wanted: list[tuple[str, str]]) -> str:
    return "remove " + ", ".join(f"{section[:-1]} {name}" for section, name in wanted)
