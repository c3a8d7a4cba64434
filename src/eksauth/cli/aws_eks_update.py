"""``eksauth aws eks update-kubeconfig``: takes what Atmos takes."""

from __future__ import annotations

import click


@click.command(
    "update-kubeconfig",
    epilog="""\b
Example:
  eksauth aws eks update-kubeconfig --name demo --region eu-west-1 --identity dev-admin
  eksauth aws eks update-kubeconfig --integration dev/demo""",
)
@click.argument("component", required=False)
@click.option("-s", "--stack", metavar="NAME", help="Refused: there are no Atmos stacks here.")
@click.option("--integration", metavar="NAME", help="An aws/eks integration: its identity, cluster and file.")
@click.option("-i", "--identity", metavar="NAME", help="Identity to ask EKS as, and for the entry.")
@click.option("--name", metavar="NAME", help="Name of the cluster.")
@click.option("--region", metavar="REGION", help="Region of the cluster.")
@click.option("--profile", metavar="NAME", help="AWS profile to ask EKS with, and for the entry.")
@click.option("--role-arn", metavar="ARN", help="Role that the entry assumes.")
@click.option("--alias", metavar="NAME", help="Name of the context. Default: the cluster's ARN.")
@click.option("--kubeconfig", metavar="FILE", help="Write to this file. Default: $KUBECONFIG, else ~/.kube/config.")
@click.option("--dry-run", is_flag=True, help="Print the whole file as it would be, and write nothing.")
@click.option("--verbose", is_flag=True, help="Print the entries after writing them.")
@click.option("--debug", is_flag=True, hidden=True)
def update_kubeconfig(
    component: str | None,
    stack: str | None,
    integration: str | None,
    identity: str | None,
    name: str | None,
    region: str | None,
    profile: str | None,
    role_arn: str | None,
    alias: str | None,
    kubeconfig: str | None,
    dry_run: bool,
    verbose: bool,
    debug: bool,  # noqa: ARG001  read by the frame
) -> None:
    """Add a cluster to a kubeconfig, as 'atmos aws eks update-kubeconfig' does; the entry runs eksauth."""
    from eksauth.cli.eks_update import finish_like_aws
    from eksauth.cli.kubeconfig_update import acting_for_cli, find_command, is_person
    from eksauth.cli.output import complain
    from eksauth.errors import UsageError
    from eksauth.kubeconfig.update_plan import Naming
    from eksauth.kubeconfig.update_request import UpdateRequest

    for given, what in ((component, "a component"), (stack, "--stack")):
        if given is not None:
            raise UsageError(
                f"{what} needs Atmos' stack configuration", hint="name the cluster: --name NAME --region REGION"
            )
    if integration is not None:
        for given, what in (
            (name, "--name"),
            (identity, "--identity"),
            (profile, "--profile"),
            (role_arn, "--role-arn"),
        ):
            if given is not None:
                raise UsageError(f"--integration and {what} exclude each other", hint="the integration says it")
        _integrated(integration, dry_run=dry_run)
        return
    if profile and role_arn:
        raise UsageError(
            "--profile and --role-arn exclude each other, as in Atmos",
            hint="'eksauth kubeconfig update' takes both: a role assumed from a profile",
        )
    acting = acting_for_cli(identity=identity, profile=profile, role=role_arn or None)
    found = find_command(None)
    if found.warning:
        complain("warning", found.warning)
    request = UpdateRequest(
        command=found.command,
        name=name,
        region=region,
        profile=profile,
        role_arn=role_arn or None,
        naming=Naming(alias=alias or None),
        dry_run=dry_run,
        interactive=is_person(),
        acting=acting,
    )
    finish_like_aws(request, kubeconfig, verbose=verbose)


def _integrated(name: str, *, dry_run: bool) -> None:
    """Write the entries of one integration, as a login of its identity would."""
    import os

    from eksauth.cli.human import terminal_human
    from eksauth.cli.identity_options import read_config
    from eksauth.cli.kubeconfig_update import find_command
    from eksauth.cli.output import complain
    from eksauth.login.kubeconfigs.one_integration import write_integration

    found = find_command(None)
    if found.warning:
        complain("warning", found.warning)
    written = write_integration(
        read_config(None, None),
        name,
        command=found.command,
        environ=os.environ,
        human=terminal_human(),
        dry_run=dry_run,
    )
    for warning in written.warnings:
        complain("warning", warning)
    for note in written.notes:
        complain("note", note)
    for entry in written.entries:
        if entry.error is not None:
            raise entry.error
        if dry_run:
            click.echo(written.diff, nl=False)
        elif entry.action == "added":
            click.echo(f"Added new context {entry.context} to {entry.path}")
        else:
            click.echo(f"Updated context {entry.context} in {entry.path}")
