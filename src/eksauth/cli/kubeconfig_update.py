"""``eksauth kubeconfig update``."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from eksauth.cli.identity_options import config_options
from eksauth.cli.output import print_json
from eksauth.cli.update_progress import UpdateProgress
from eksauth.cli.update_report import as_dict, report_to_people, result_lines

if TYPE_CHECKING:
    from eksauth.kubeconfig.command_path import FoundCommand
    from eksauth.kubeconfig.update import Updated
    from eksauth.kubeconfig.update_request import ActingAs, UpdateRequest

_EPILOG = """\b
Examples:
  eksauth kubeconfig update --name demo --region eu-west-1
  eksauth kubeconfig update --name demo --identity dev-admin --alias dev
  eksauth kubeconfig update --name demo --role-arn arn:aws:iam::111122223333:role/admin --alias demo-admin
  eksauth kubeconfig update --all --context-template '{name}.{region}' --dry-run
\b
Template variables: name, region, account, partition, arn, version, profile, role, role_account, session,
identity.
Exit codes: 0 done, 3 an entry belongs to somebody else or a file is unusable, 4 no credentials,
5 EKS refused or could not be reached, for some regions of --all at least."""


@click.command(epilog=_EPILOG)
@click.option("--name", metavar="NAME", help="Name or ARN of the cluster.")
@click.option("--all", "all_clusters", is_flag=True, help="Every cluster of the account.")
@click.option("--region", metavar="REGION", help="Region of the cluster. Default: AWS_REGION, then the profile's.")
@click.option("--regions", metavar="R,R…", multiple=True, help="With --all: only these. Default: all enabled ones.")
@click.option("--profile", metavar="NAME", help="AWS profile to ask EKS with, and for the entry.")
@click.option("-i", "--identity", metavar="NAME", help="Identity to ask EKS as, and for the entry.")
@config_options
@click.option("--exec-profile", metavar="NAME", help="Another profile for the entry.")
@click.option("--role-arn", metavar="ARN", help="Role that the entry assumes; EKS is asked without it.")
@click.option("--external-id", metavar="ID", help="External id for that role.")
@click.option("--session-name", metavar="NAME", help="Session name for that role.")
@click.option("--assume-role-arn", metavar="ARN", help="Role to ask EKS with; it is not written to the file.")
@click.option("--alias", metavar="NAME", help="Name of the context. Default: the cluster's ARN.")
@click.option("--context-template", metavar="TEXT", help="Name of the context with variables: '{name}.{region}'.")
@click.option("--user-alias", metavar="NAME", help="Name of the user. Default: made from cluster and identity.")
@click.option("--cluster-alias", metavar="NAME", help="Name of the cluster entry. Default: the cluster's ARN.")
@click.option("--namespace", metavar="NAME", help="Namespace of the context.")
@click.option("--proxy-url", metavar="URL", help="Proxy that kubectl uses for this cluster.")
@click.option("--no-set-context", is_flag=True, help="Leave the current context as it is; --all always does.")
@click.option("--exec-api-version", type=click.Choice(["v1", "v1beta1"]), default="v1", show_default=True)
@click.option("--exec-command", metavar="PROGRAM", help="Command of the entry. Default: this program's absolute path.")
@click.option("--wait", is_flag=True, help="Wait for clusters that are being created.")
@click.option("--force", is_flag=True, help="Change entries of other clusters or identities, too.")
@click.option("--dry-run", is_flag=True, help="Write nothing; show what would change, without secrets.")
@click.option("--kubeconfig", metavar="FILE", help="Write to this file [default: $KUBECONFIG, else ~/.kube/config].")
@click.option("--fix-permissions", is_flag=True, help="Take away what group and others may do with the file.")
@click.option("-v", "--verbose", is_flag=True, help="Say more on stderr.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--debug", is_flag=True, hidden=True)
def update(
    identity: str | None,
    config_file: str | None,
    realm: str | None,
    regions: tuple[str, ...],
    no_set_context: bool,
    exec_api_version: str,
    exec_command: str | None,
    kubeconfig: str | None,
    verbose: bool,
    output: str,
    debug: bool,  # noqa: ARG001  read by the frame
    **flags: Any,
) -> int:
    """Add a cluster's entries, or bring them up to date.

    Existing entries keep what people add by hand: namespace, proxy, TLS server name, extensions, variables of the
    plugin. Entries of another cluster or identity are never changed without --force. Every write can be undone.
    """
    from eksauth.kubeconfig.update_request import UpdateRequest

    acting = acting_for_cli(
        identity=identity,
        config_file=config_file,
        realm=realm,
        profile=flags["profile"] or flags["exec_profile"],
        role=flags["role_arn"],
    )
    found = find_command(exec_command)
    request = UpdateRequest(
        command=found.command,
        name=flags["name"],
        all_clusters=flags["all_clusters"],
        region=flags["region"],
        regions=tuple(region.strip() for text in regions for region in text.split(",") if region.strip()),
        profile=flags["profile"],
        exec_profile=flags["exec_profile"],
        role_arn=flags["role_arn"],
        external_id=flags["external_id"],
        session_name=flags["session_name"],
        describe_role_arn=flags["assume_role_arn"],
        naming=_naming(flags),
        namespace=flags["namespace"],
        proxy_url=flags["proxy_url"],
        api_version=exec_api_version,
        set_context=not no_set_context,
        dry_run=flags["dry_run"],
        wait=flags["wait"],
        force=flags["force"],
        fix_permissions=flags["fix_permissions"],
        interactive=is_person(),
        acting=acting,
    )
    done = run_update(request, kubeconfig)
    report_to_people(done, found, verbose=verbose)
    if output == "json":
        print_json(as_dict(done))
    elif request.dry_run:
        click.echo(done.outcome.diff(), nl=False)
    else:
        for line in result_lines(done):
            click.echo(line)
    return 5 if done.failures else 0


def _naming(flags: dict[str, Any]) -> Any:
    from eksauth.kubeconfig.update_plan import Naming

    return Naming(
        alias=flags["alias"],
        user_alias=flags["user_alias"],
        cluster_alias=flags["cluster_alias"],
        template=flags["context_template"],
    )


def acting_for_cli(
    *,
    identity: str | None,
    profile: str | None,
    role: str | None,
    config_file: str | None = None,
    realm: str | None = None,
    implicit: bool = True,
) -> ActingAs | None:
    """Return the identity that the flags and the environment mean, with credentials; None for the plain AWS chain.

    :raises UsageError: when flags contradict each other.
    """
    from eksauth.errors import UsageError
    from eksauth.login.acting import acting_identity

    if profile:
        for flag, value in (("--identity", identity), ("--config", config_file)):
            if value is not None:
                raise UsageError(
                    f"{flag} and --profile exclude each other", hint="make the profile an identity of kind aws/profile"
                )
    from eksauth.cli.human import terminal_human
    from eksauth.cli.outside import step_outside_for

    step_outside_for(identity=identity, config=config_file, profile=profile, role=role, implicit=implicit)
    return acting_identity(
        os.environ,
        identity=identity,
        config_file=config_file,
        realm=realm,
        profile=profile,
        role=role,
        implicit=implicit,
        human=terminal_human(),
    )


def find_command(demanded: str | None) -> FoundCommand:
    """Return the command for the entry, with a warning where people should know how it was chosen."""
    import sysconfig
    from pathlib import Path

    from eksauth.kubeconfig.command_path import chosen_command, own_command

    if demanded is not None:
        return chosen_command(demanded, Path.cwd())
    directories = (os.path.dirname(sys.executable), sysconfig.get_path("scripts"))  # noqa: PTH120  may be empty
    return own_command(sys.argv[0], directories, os.environ, Path.cwd())


def is_person() -> bool:
    """Tell whether somebody sits at a terminal who can be asked for an MFA code."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def run_update(request: UpdateRequest, kubeconfig: str | None) -> Updated:
    """Run the use-case with the process's environment, and a progress bar where somebody sees it."""
    import gc

    from eksauth.cli.kubeconfig_options import chosen_files
    from eksauth.kubeconfig.update import update as run

    gc.disable()  # parsing makes hundreds of thousands of objects that all live until the end
    try:
        with UpdateProgress() as progress:
            return run(
                request,
                chosen_files(kubeconfig),
                environ=os.environ,
                progress=progress.advance,
                waiting=progress.waiting,
            )
    finally:
        gc.enable()
