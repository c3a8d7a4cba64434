"""``eksauth kubeconfig prune``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from eksauth.cli.columns import columns
from eksauth.cli.confirm import can_ask
from eksauth.cli.kubeconfig_options import chosen_files, kubeconfig_option, load
from eksauth.cli.output import complain, one_line, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eksauth.kubeconfig.prune import Verdict
    from eksauth.kubeconfig.removal import Removal
    from eksauth.kubeconfig.resolve import Merged
    from eksauth.kubeconfig.routing import Change

_EPILOG = """\b
Examples:
  eksauth kubeconfig prune
  eksauth kubeconfig prune --yes
  eksauth kubeconfig prune --all -o json
\b
Exit codes: 0 every cluster was found or is certainly gone, 5 EKS could not be asked about some of them."""


@click.command(epilog=_EPILOG)
@click.option("-y", "--yes", is_flag=True, help="Remove what the plan names; without it only the plan is printed.")
@click.option("--all", "everything", is_flag=True, help="Also entries of EKS clusters that eksauth did not write.")
@click.option("--profile", metavar="NAME", help="Ask EKS with this AWS profile, not with those of the entries.")
@click.option("--fix-permissions", is_flag=True, help="Make the files that are written private to you.")
@kubeconfig_option
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
def prune(
    yes: bool, everything: bool, profile: str | None, fix_permissions: bool, kubeconfig: str | None, output: str
) -> int:
    """Remove entries of EKS clusters that no longer exist, or were made anew with another endpoint or CA.

    Where EKS cannot be asked, denies the answer, or another account answers, the entry stays. A cluster that was made
    anew can be kept with 'eksauth kubeconfig update --name NAME'. 'eksauth kubeconfig undo' brings everything back.
    """
    from eksauth.kubeconfig.guard import protected_among
    from eksauth.kubeconfig.prune import judge, plan_prune
    from eksauth.kubeconfig.prune_ask import ask
    from eksauth.kubeconfig.prune_targets import find_targets
    from eksauth.kubeconfig.session import Settings
    from eksauth.kubeconfig.store import apply

    merged = load(kubeconfig)
    targets = find_targets(merged, everything=everything, profile=profile)
    verdicts = judge(targets, ask(targets, environ=os.environ, interactive=can_ask()))
    plan = plan_prune(merged, verdicts, everything=everything)
    guarded = protected_among(merged, plan.contexts)
    warnings: tuple[str, ...] = ()
    if yes and plan.changes:

        def decide(now: Merged) -> Sequence[Change]:
            nonlocal plan
            plan = plan_prune(now, verdicts, everything=everything)
            return plan.changes

        settings = Settings(fix_permissions=fix_permissions)
        warnings = apply(chosen_files(kubeconfig), decide, reason="prune", settings=settings).warnings
    if output == "json":
        print_json({**_as_dict(verdicts, plan, applied=yes), "protected": guarded})
    else:
        _print(verdicts, plan, applied=yes)
    for name in guarded:
        complain("warning", f'context "{name}" {"was" if yes else "is"} protected')
    for warning in warnings:
        complain("warning", warning)
    if plan.unset_current:
        then = f'; "{plan.next_current}" {"is" if yes else "would be"} current then' if plan.next_current else ""
        complain("warning", f"the current context is among them{then}")
    if not targets:
        which = "an EKS cluster" if everything else "an EKS cluster by eksauth; --all looks at the others too"
        complain("hint", f"no entry stands for {which}")
    elif plan.changes and not yes:
        complain("hint", "this is the plan; add --yes to carry it out")
    return 5 if any(verdict.state == "unknown" and verdict.target.askable for verdict in verdicts) else 0


def _print(verdicts: list[Verdict], plan: Removal, *, applied: bool) -> None:
    rows = [
        [
            item.state,
            item.target.entry,
            item.target.eks.account,
            item.target.eks.region,
            item.target.eks.cluster,
            item.why,
        ]
        for item in sorted(verdicts, key=lambda item: (not item.goes, item.state != "unknown", item.target.entry))
    ]
    if rows:
        click.echo(columns(["STATE", "ENTRY", "ACCOUNT", "REGION", "CLUSTER", "WHY"], rows), nl=False)
    for entry in plan.removed:
        verb = "removed" if applied else "would remove"
        click.echo(one_line(f"{verb} {entry.what} from {', '.join(map(str, entry.files))}"))


def _as_dict(verdicts: list[Verdict], plan: Removal, *, applied: bool) -> dict[str, object]:
    return {
        "clusters": [
            {
                "entry": item.target.entry,
                "owned": item.target.owned,
                "account": item.target.eks.account,
                "region": item.target.eks.region,
                "cluster": item.target.eks.cluster,
                "state": item.state,
                "why": item.why,
            }
            for item in verdicts
        ],
        "removed": [
            {"kind": entry.section[:-1], "name": entry.name, "files": [str(path) for path in entry.files]}
            for entry in plan.removed
        ],
        "current_context_unset": bool(plan.unset_current),
        "applied": applied and bool(plan.changes),
    }
