"""``eksauth aws eks token``: takes what Atmos takes, so that its kubeconfigs work with ``command: eksauth``.

The other command of the group is in :mod:`eksauth.cli.aws_eks_update`.
"""

from __future__ import annotations

import click

from eksauth.cli.aws_eks_update import update_kubeconfig
from eksauth.cli.token import finish, mint_for_cli
from eksauth.token.bearer import utc_text
from eksauth.token.exec_credential import exec_credential

_EXAMPLE = "Example: eksauth aws eks token --cluster-name demo --region eu-west-1"


@click.group(epilog=_EXAMPLE)
def aws() -> None:
    """Drop-ins for 'atmos aws …'."""


@aws.group(epilog=_EXAMPLE)
def eks() -> None:
    """Drop-ins for 'atmos aws eks …'."""


eks.add_command(update_kubeconfig)


@eks.command(
    epilog="""\b
Example:
  eksauth aws eks token --cluster-name demo --region eu-west-1 --identity dev"""
)
@click.option("--cluster-name", metavar="NAME", required=True, help="Name of the cluster.")
@click.option("--region", metavar="REGION", required=True, help="Region of the cluster.")
@click.option(
    "-i",
    "--identity",
    metavar="NAME",
    is_flag=False,
    flag_value="",
    help="Identity of the configuration to sign as; without a name a person picks one.",
)
@click.option("--debug", is_flag=True, hidden=True)
def token(cluster_name: str, region: str, identity: str | None, debug: bool) -> None:  # noqa: ARG001  read by the frame
    """Print an ExecCredential with a bearer token for an EKS cluster."""
    from eksauth.token.mint import MintRequest

    minted, api_version = mint_for_cli(MintRequest(cluster_name=cluster_name, region=region, identity=identity))
    finish(exec_credential(minted.token, utc_text(minted.expires_at), api_version))
