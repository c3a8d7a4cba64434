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
  eksauth token --cluster-name demo --region eu-west-1 --identity dev
  eksauth token --cluster-name demo --role-arn arn:aws:iam::111122223333:role/admin
  eksauth token --cluster-name demo -o token | eksauth decode -"""


def mint_for_cli(request: MintRequest) -> tuple[Minted, str]:
    """Run the use-case with the process's environment; return the token and the API version to answer in."""
    from eksauth.cli.outside import step_outside_for
    from eksauth.token.exec_info import read_exec_info
    from eksauth.token.mint import mint

    if request.credentials is None:
        step_outside_for(
            identity=request.identity,
            config=request.config_file,
            profile=request.profile,
            role=request.role_arn,
            implicit=request.implicit_identity,
        )
    info = read_exec_info(os.environ.get("KUBERNETES_EXEC_INFO"))
    if info.warning:
        complain("warning", info.warning)
    minted = mint(_with_terminal(request, info.interactive), environ=os.environ)
    for warning in minted.warnings:
        complain("warning", warning)
    return minted, info.api_version


def _with_terminal(request: MintRequest, interactive: bool | None) -> MintRequest:
    """Say whether a person can be asked: terminals, and under kubectl only when it says that it is interactive."""
    from dataclasses import replace

    person = all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))
    if not person or interactive is False or (interactive is None and os.environ.get("KUBERNETES_EXEC_INFO")):
        return request
    from eksauth.cli.human import terminal_human

    return replace(request, interactive=True, human=terminal_human(no_browser=True))


def finish(text: str) -> None:
    """Write the result; a failure to do so is the exit code."""
    code = write_stdout(text)
    if code:
        raise click.exceptions.Exit(code)


@click.command(epilog=EPILOG)
@click.option("--cluster-name", metavar="NAME", help="Name of the cluster; it becomes part of the signature.")
@click.option("--cluster-id", metavar="ID", help="Id of a local cluster on Outposts, instead of the name.")
@click.option("--region", metavar="REGION", help="Region of the STS host. Default: AWS_REGION, then the profile's.")
@click.option("-i", "--identity", metavar="NAME", help="Identity of the configuration to sign as.")
@click.option("--config", "config_file", metavar="FILE", help="Configuration of identities. Default: eksauth.yaml.")
@click.option("--realm", metavar="REALM", help="Realm of the configuration; empty for none.")
@click.option("--account", metavar="ID", help="Account of the cluster; an identity of another one is refused.")
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
    realm: str | None,
    account: str | None,
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

    Credentials come from an identity, the environment, a profile, or anything else the AWS SDKs know. Those that cost a
    network trip are cached, tokens never are. A token is good for 14 minutes, or until a minute before the credentials
    die.
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
            realm=realm,
            account=account,
            use_cache=not no_cache,
        )
    )
    if output == "token":
        finish(minted.token + "\n")
    else:
        finish(exec_credential(minted.token, utc_text(minted.expires_at), api_version))
