"""``eksauth token``: the exec credential plugin."""

from __future__ import annotations

import os
import sys

import click

from eksauth.cli.output import complain
from eksauth.token.bearer import utc_text
from eksauth.token.exec_credential import exec_credential
from eksauth.token.stdout import write_stdout

# the use-case is imported when it runs, so that --help stays quick
TYPE_CHECKING = False
if TYPE_CHECKING:
    from eksauth.token.mint import Minted, MintRequest

EPILOG = """\b
Examples:
  eksauth token --cluster-name demo --region eu-west-1
  eksauth token --cluster-name demo --role-arn arn:aws:iam::111122223333:role/admin
  eksauth token --cluster-name demo -o token | eksauth decode -"""


def mint_for_cli(request: MintRequest) -> tuple[Minted, str]:
    """Run the use-case with the process's environment; return the token and the API version to answer in."""
    from eksauth.token.exec_info import read_exec_info
    from eksauth.token.mint import mint

    info = read_exec_info(os.environ.get("KUBERNETES_EXEC_INFO"))
    if info.warning:
        complain("warning", info.warning)
    minted = mint(_with_terminal(request, info.interactive), environ=os.environ)
    for warning in minted.warnings:
        complain("warning", warning)
    return minted, info.api_version


def _with_terminal(request: MintRequest, interactive: bool | None) -> MintRequest:
    from dataclasses import replace

    person = all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))
    return replace(request, interactive=person and interactive is not False)


def finish(text: str) -> None:
    """Write the result; a failure to do so is the exit code."""
    code = write_stdout(text)
    if code:
        raise click.exceptions.Exit(code)


@click.command(epilog=EPILOG)
@click.option("--cluster-name", metavar="NAME", help="Name of the cluster; it becomes part of the signature.")
@click.option("--cluster-id", metavar="ID", help="Id of a local cluster on Outposts, instead of the name.")
@click.option("--region", metavar="REGION", help="Region of the STS host. Default: AWS_REGION, then the profile's.")
@click.option("-i", "--identity", metavar="NAME", help="Identity to use (none can be configured in this version).")
@click.option("--config", "config_file", metavar="FILE", help="Identity configuration (not in this version).")
@click.option("--profile", metavar="NAME", help="AWS profile; environment keys are then ignored.")
@click.option(
    "--role-arn", "--role", "role_arn", metavar="ARN", help="Role to assume first; its credentials are cached."
)
@click.option("--external-id", metavar="ID", help="External id that the role's trust policy asks for.")
@click.option("--session-name", metavar="NAME", help="Name of the role session. Default: eksauth-USER.")
@click.option("--duration", metavar="SECONDS", type=int, help="Life of the role's credentials, 900 to 43200.")
@click.option("--no-cache", is_flag=True, help="Fetch credentials anew and store none.")
@click.option("-o", "--output", type=click.Choice(["json", "token"]), default="json", show_default=True)
@click.option("--debug", is_flag=True, hidden=True)
def token(
    cluster_name: str | None,
    cluster_id: str | None,
    region: str | None,
    identity: str | None,
    config_file: str | None,
    profile: str | None,
    role_arn: str | None,
    external_id: str | None,
    session_name: str | None,
    duration: int | None,
    no_cache: bool,
    output: str,
    debug: bool,  # noqa: ARG001  read by the frame
) -> None:
    """Print an ExecCredential with a bearer token for a cluster (kubectl calls this).

    Credentials come from the environment, a profile, or anything else the AWS SDKs know; those that cost a network
    trip are cached, tokens never are. The token is good for 14 minutes, or until a minute before the credentials die.
    """
    from eksauth.token.mint import MintRequest

    minted, api_version = mint_for_cli(
        MintRequest(
            cluster_name=cluster_name,
            cluster_id=cluster_id,
            region=region,
            profile=profile,
            role_arn=role_arn,
            external_id=external_id,
            session_name=session_name,
            duration_seconds=duration,
            identity=identity,
            config_file=config_file,
            use_cache=not no_cache,
        )
    )
    if output == "token":
        finish(minted.token + "\n")
    else:
        finish(exec_credential(minted.token, utc_text(minted.expires_at), api_version))
