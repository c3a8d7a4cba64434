"""``eksauth eks get-token``: takes what the AWS CLI takes, so that its kubeconfigs work with ``command: eksauth``.

The other command of the group is in :mod:`eksauth.cli.eks_update`.
"""

from __future__ import annotations

import os

import click

from eksauth.cli.aws_globals import ignored_globals
from eksauth.cli.aws_output import FORMATS, apply_query, render
from eksauth.cli.eks_update import update_kubeconfig
from eksauth.cli.output import complain
from eksauth.cli.token import finish, mint_for_cli
from eksauth.errors import UsageError
from eksauth.token.bearer import utc_text
from eksauth.token.exec_credential import AWS_SESSION_NAME, exec_credential


@click.group(epilog="Example: eksauth eks get-token --cluster-name demo --region eu-west-1")
def eks() -> None:
    """Drop-ins for 'aws eks …'; the AWS CLI's global options go before or after."""


eks.add_command(update_kubeconfig)


@eks.command(
    "get-token",
    epilog="""\b
Examples:
  eksauth eks get-token --cluster-name demo --region eu-west-1
  eksauth --region eu-west-1 eks get-token --cluster-name demo --output json""",
)
@click.option("--cluster-name", metavar="NAME", help="Name of the cluster.")
@click.option("--cluster-id", metavar="ID", help="Id of a local cluster on Outposts.")
@click.option("--role-arn", "--role", "role_arn", metavar="ARN", help="Role to assume first.")
@click.option("--region", metavar="REGION")
@click.option("--profile", metavar="NAME")
@click.option("--output", type=click.Choice(FORMATS), help="Default: json for kubectl, else AWS_DEFAULT_OUTPUT.")
@click.option("--query", metavar="JMESPATH", help="Print only a part of the document.")
@click.option("--ca-bundle", metavar="FILE", help="CA certificates for the AssumeRole call.")
@click.option("--endpoint-url", metavar="URL", help="Ignored, as the AWS CLI does: a token names the real STS.")
@click.option("--no-sign-request", is_flag=True, help="Refused: an unsigned token is worthless.")
@click.option("--no-verify-ssl", is_flag=True, help="Ignored with a warning; use --ca-bundle.")
@ignored_globals
def get_token(
    cluster_name: str | None,
    cluster_id: str | None,
    role_arn: str | None,
    region: str | None,
    profile: str | None,
    output: str | None,
    query: str | None,
    ca_bundle: str | None,
    no_sign_request: bool,
    no_verify_ssl: bool,
    **_ignored: object,
) -> None:
    """Print an ExecCredential with a bearer token, as 'aws eks get-token' does."""
    from eksauth.token.mint import MintRequest

    if no_sign_request:
        raise UsageError("--no-sign-request makes a token that no cluster accepts", hint="leave it out")
    if no_verify_ssl:
        complain("warning", "--no-verify-ssl is ignored: STS is always verified; use --ca-bundle FILE")
    if ca_bundle:
        os.environ["AWS_CA_BUNDLE"] = ca_bundle
    minted, api_version = mint_for_cli(
        MintRequest(
            cluster_name=cluster_name,
            cluster_id=cluster_id,
            role_arn=role_arn,
            session_name=AWS_SESSION_NAME if role_arn else None,
            region=region,
            profile=profile,
            implicit_identity=False,
        )
    )
    chosen = output or _default_output(profile)
    if chosen == "json" and query is None:
        finish(exec_credential(minted.token, utc_text(minted.expires_at), api_version, indented=True))
        return
    document = {
        "kind": "ExecCredential",
        "apiVersion": api_version,
        "spec": {},
        "status": {"expirationTimestamp": utc_text(minted.expires_at), "token": minted.token},
    }
    finish(render(apply_query(document, query), chosen))


def _default_output(profile: str | None) -> str:
    """Choose as the AWS CLI does, but always JSON for kubectl: a text default would only break it."""
    if os.environ.get("KUBERNETES_EXEC_INFO"):
        return "json"
    configured = os.environ.get("AWS_DEFAULT_OUTPUT")
    if not configured:
        from eksauth.credentials.slow_settings import profile_value

        configured = profile_value(os.environ, "output", profile_flag=profile) or "json"
    if configured not in FORMATS:
        raise UsageError(f"'{configured}' is no output format", hint=f"use --output with one of {', '.join(FORMATS)}")
    return configured
