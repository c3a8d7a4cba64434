"""``eksauth kubeconfig``: the commands that read and change kubeconfig files."""

from __future__ import annotations

import click

from eksauth.cli.lazy import LazyGroup

COMMANDS = {
    "update": ("eksauth.cli.kubeconfig_update:update", "Add clusters, or bring their entries up to date."),
    "list": ("eksauth.cli.kubeconfig_list:list_", "List contexts with cluster, user, namespace, owner and file."),
    "view": (
        "eksauth.cli.kubeconfig_view:view",
        "Print the merged kubeconfig without secrets, or where it comes from.",
    ),
    "merge": ("eksauth.cli.kubeconfig_merge:merge", "Merge files without losing or mixing up entries."),
    "split": ("eksauth.cli.kubeconfig_split:split", "Write one file per context."),
    "remove": ("eksauth.cli.kubeconfig_remove:remove", "Remove contexts and what nothing else uses."),
    "rename": ("eksauth.cli.kubeconfig_rename:rename", "Rename a context, cluster or user everywhere."),
    "prune": ("eksauth.cli.kubeconfig_prune:prune", "Remove entries of clusters that EKS no longer has."),
    "protect": ("eksauth.cli.kubeconfig_protect:protect", "Mark contexts that ask before they are touched."),
    "lint": ("eksauth.cli.kubeconfig_lint:lint", "Find what is broken, risky or stale."),
    "undo": ("eksauth.cli.kubeconfig_undo:undo", "Take back the last write, or an earlier one."),
}


@click.group(
    cls=LazyGroup,
    commands_table=COMMANDS,
    epilog="""\b
Examples:
  eksauth kubeconfig update --name demo --region eu-west-1
  eksauth kubeconfig list -o wide
  eksauth kubeconfig lint""",
)
@click.pass_context
def kubeconfig(ctx: click.Context) -> None:
    """Read, merge, edit and repair kubeconfig files; comments and order stay, every write can be undone."""
    import gc

    if gc.isenabled():  # it takes a third of the time with a thousand contexts, and finds nothing
        gc.disable()
        ctx.call_on_close(gc.enable)
