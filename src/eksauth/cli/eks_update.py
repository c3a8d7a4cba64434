"""``eksauth eks update-kubeconfig``: takes what the AWS CLI takes, and answers in its words."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from eksauth.cli.aws_globals import ignored_globals
from eksauth.cli.output import complain

if TYPE_CHECKING:
    from eksauth.kubeconfig.update import Updated
    from eksauth.kubeconfig.update_request import UpdateRequest

DESCRIBE_SESSION_NAME = "EKSDescribeClusterSession"
"""The AWS CLI's session name for ``--assume-role-arn``; trust policies may ask for it."""


@click.command(
    "update-kubeconfig",
    epilog="""\b
Example:
  eksauth eks update-kubeconfig --name demo --region eu-west-1 --alias demo""",
)
@click.option("--name", metavar="NAME", required=True, help="Name of the cluster.")
@click.option("--kubeconfig", metavar="FILE", help="Write to this file. Default: $KUBECONFIG, else ~/.kube/config.")
@click.option("--role-arn", metavar="ARN", help="Role that the entry assumes.")
@click.option("--assume-role-arn", metavar="ARN", help="Role to ask EKS with.")
@click.option("--proxy-url", metavar="URL", help="Proxy that kubectl uses for this cluster.")
@click.option("--alias", metavar="NAME", help="Name of the context. Default: the user alias, else the cluster's ARN.")
@click.option("--user-alias", metavar="NAME", help="Name of the user.")
@click.option("--dry-run", is_flag=True, help="Print the whole file as it would be, and write nothing.")
@click.option("--verbose", is_flag=True, help="Print the entries after writing them.")
@click.option("--force", is_flag=True, help="Change entries of other clusters or identities, too (not in the AWS CLI).")
@click.option("--region", metavar="REGION")
@click.option("--profile", metavar="NAME")
@click.option("--endpoint-url", metavar="URL", help="Ask EKS there.")
@click.option("--ca-bundle", metavar="FILE", help="CA certificates for asking EKS.")
@click.option("--no-sign-request", is_flag=True, help="Refused: EKS answers nobody unsigned.")
@click.option("--no-verify-ssl", is_flag=True, help="Ignored with a warning; use --ca-bundle.")
@click.option("--output", hidden=True)
@click.option("--query", hidden=True)
@ignored_globals
def update_kubeconfig(
    name: str,
    kubeconfig: str | None,
    role_arn: str | None,
    assume_role_arn: str | None,
    proxy_url: str | None,
    alias: str | None,
    user_alias: str | None,
    dry_run: bool,
    verbose: bool,
    force: bool,
    region: str | None,
    profile: str | None,
    endpoint_url: str | None,
    ca_bundle: str | None,
    no_sign_request: bool,
    no_verify_ssl: bool,
    **_ignored: object,
) -> None:
    """Add a cluster to a kubeconfig, as 'aws eks update-kubeconfig' does; the entry runs eksauth."""
    from eksauth.cli.kubeconfig_update import acting_for_cli, find_command, is_person
    from eksauth.errors import UsageError
    from eksauth.kubeconfig.update_plan import Naming
    from eksauth.kubeconfig.update_request import UpdateRequest

    if no_sign_request:
        raise UsageError("--no-sign-request: EKS answers nobody unsigned", hint="leave it out")
    if no_verify_ssl:
        complain("warning", "--no-verify-ssl is ignored: EKS is always verified; use --ca-bundle FILE")
    if ca_bundle:
        os.environ["AWS_CA_BUNDLE"] = ca_bundle
    acting = acting_for_cli(identity=None, profile=profile, role=role_arn or None, implicit=False)
    found = find_command(None)
    if found.warning:
        complain("warning", found.warning)
    request = UpdateRequest(
        command=found.command,
        name=name,
        region=region,
        profile=profile,
        role_arn=role_arn or None,
        acting=acting,
        describe_role_arn=assume_role_arn or None,
        describe_session_name=DESCRIBE_SESSION_NAME if assume_role_arn else None,
        endpoint_url=endpoint_url,
        # an empty one counts as not given
        naming=Naming(alias=alias or None, user_alias=user_alias or None),
        proxy_url=proxy_url or None,
        dry_run=dry_run,
        force=force,
        interactive=is_person(),
    )
    finish_like_aws(request, kubeconfig, verbose=verbose)


def finish_like_aws(request: UpdateRequest, kubeconfig: str | None, *, verbose: bool) -> None:
    """Run the use-case and print what the AWS CLI prints."""
    from eksauth.cli.kubeconfig_update import run_update
    from eksauth.cli.update_report import result_lines

    # unlike kubectl, the AWS CLI expands ~ and shows absolute paths
    chosen = os.path.abspath(os.path.expanduser(kubeconfig)) if kubeconfig else None  # noqa: PTH100, PTH111  as it does
    done = run_update(request, chosen)
    for warning in done.warnings:
        complain("warning", warning)
    for note in done.notes:
        complain("note", note)
    if request.dry_run:
        click.echo(_whole_file(done), nl=False)
        return
    for line in result_lines(done, like_aws=True):
        click.echo(line)
    if verbose:
        click.echo(_entries(done), nl=False)


def _whole_file(done: Updated) -> bytes:
    path = done.contexts[0].path
    for change in done.outcome.changes:
        if change.path == path and change.after is not None:
            return change.after
    return path.read_bytes()


def _entries(done: Updated) -> str:
    from eksauth.kubeconfig import emit
    from eksauth.kubeconfig.document import BODY_KEYS
    from eksauth.kubeconfig.operations import SetEntry
    from eksauth.kubeconfig.routing import InFile

    text = "Entries:\n\n"
    for section in ("contexts", "users", "clusters"):
        for change in done.contexts[0].changes:
            operation = change.operation if isinstance(change, InFile) else change
            if isinstance(operation, SetEntry) and operation.section == section:
                entry = {BODY_KEYS[section]: dict(operation.body), "name": operation.name}
                text += "\n".join([*emit.block(entry, emit.Style()), "", ""])
    return text
