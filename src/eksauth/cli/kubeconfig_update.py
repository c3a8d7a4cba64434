"""``eksauth kubeconfig update``."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Self

import click

from eksauth.cli.output import complain, print_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eksauth.aws.cluster_info import ClusterInfo
    from eksauth.kubeconfig.command_path import FoundCommand
    from eksauth.kubeconfig.update import Updated, UpdateRequest

_EPILOG = """\b
Examples:
  eksauth kubeconfig update --name demo --region eu-west-1
  eksauth kubeconfig update --name demo --role-arn arn:aws:iam::111122223333:role/admin --alias demo-admin
  eksauth kubeconfig update --all --context-template '{name}.{region}' --dry-run
\b
Template variables: name, region, account, partition, arn, version, profile, role, role_account, session.
Exit codes: 0 done, 3 an entry belongs to somebody else or a file is unusable, 4 no credentials,
5 EKS refused or could not be reached, for some regions of --all at least."""


@click.command(epilog=_EPILOG)
@click.option("--name", metavar="NAME", help="Name or ARN of the cluster.")
@click.option("--all", "all_clusters", is_flag=True, help="Every cluster of the account.")
@click.option("--region", metavar="REGION", help="Region of the cluster. Default: AWS_REGION, then the profile's.")
@click.option("--regions", metavar="R,R…", multiple=True, help="With --all: only these. Default: all enabled ones.")
@click.option("--profile", metavar="NAME", help="AWS profile to ask EKS with, and for the entry.")
@click.option("-i", "--identity", metavar="NAME", help="Identity to use (none can be configured in this version).")
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
    from eksauth.kubeconfig.update import UpdateRequest

    refuse_identities(identity)
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


def refuse_identities(identity: str | None) -> None:
    """Refuse what this version cannot honour, rather than write an entry for somebody else.

    :raises UsageError: when an identity is named by the flag or the environment.
    """
    from eksauth.errors import UsageError
    from eksauth.token.fast import IDENTITY_VARIABLES

    hint = "use --profile or --role-arn instead"
    if identity is not None:
        raise UsageError("--identity: no identities are configured", hint=hint, code="usage.identity")
    for variable in IDENTITY_VARIABLES:
        if os.environ.get(variable):
            raise UsageError(
                f"{variable} is set, but no identities are configured",
                hint=f"unset it and {hint}",
                code="usage.identity",
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
        with _Progress() as progress:
            return run(
                request,
                chosen_files(kubeconfig),
                environ=os.environ,
                progress=progress.advance,
                waiting=progress.waiting,
            )
    finally:
        gc.enable()


class _Progress:
    """A progress bar on stderr when that is a terminal, else nothing; what is waited for is said in any case."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None
        self._said = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, done: int, known: int) -> None:
        if sys.stderr is None or not sys.stderr.isatty():
            return
        if self._bar is None:
            from rich.console import Console
            from rich.progress import Progress

            self._bar = Progress(console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("asking EKS", total=known)
            self._bar.start()
        self._bar.update(self._task, completed=done, total=known)

    def waiting(self, cluster: ClusterInfo, seconds: float) -> None:
        text = f"cluster {cluster.name} in {cluster.region} is {cluster.status}"
        if text != self._said or seconds >= 60:
            self._said = text
            complain("waiting", f"{text} ({seconds:.0f} s)" if seconds else text)


def report_to_people(done: Updated, command: FoundCommand, *, verbose: bool = False) -> None:
    """Say on stderr what went wrong, what was left out, and what else is worth knowing."""
    if command.warning:
        complain("warning", command.warning)
    for warning in done.warnings:
        complain("warning", warning)
    for skipped in done.skipped:
        complain("skipped", skipped.reason)
    for failure in done.failures:
        what = f"cluster {failure.cluster} in {failure.region}" if failure.cluster else f"region {failure.region}"
        complain("failed", f"{what}: {failure.error.message}")
    for hint in dict.fromkeys(failure.error.hint for failure in done.failures if failure.error.hint):
        complain("hint", hint)
    for note in done.notes:
        complain("note", note)
    if done.outcome.dry_run:
        complain("note", "dry run: nothing is written" if done.outcome.changed else "dry run: nothing would change")
    if verbose:
        leads = f", a link to {command.leads_to}" if command.leads_to else ""
        complain("note", f"the entry runs {command.command}{leads}")
        for plan in done.contexts:
            for what in ("context", "cluster", "user"):
                complain("note", f"{what} {getattr(plan.names, what)}")
        if done.current_context:
            complain("note", f"the current context is {done.current_context}")
    if not done.contexts and not done.failures:
        complain("note", "there are no clusters to write entries for")


def result_lines(done: Updated, *, like_aws: bool = False) -> Iterator[str]:
    """Yield a line for each context, in the words of the AWS CLI, which scripts look for.

    :param like_aws: never say that nothing changed.
    """
    for plan in done.contexts:
        context = plan.names.context
        if plan.action == "added":
            yield f"Added new context {context} to {plan.path}"
        elif plan.action == "updated" or like_aws:
            yield f"Updated context {context} in {plan.path}"
        else:
            yield f"Context {context} in {plan.path} is up to date"


def as_dict(done: Updated) -> dict[str, object]:
    """Return the result for machines."""
    return {
        "dryRun": done.outcome.dry_run,
        "changed": done.outcome.changed,
        "files": [str(path) for path in done.outcome.files],
        "currentContext": done.current_context,
        "contexts": [
            {
                "context": plan.names.context,
                "cluster": plan.names.cluster,
                "user": plan.names.user,
                "action": plan.action,
                "file": str(plan.path),
                **_cluster_as_dict(plan.cluster),
            }
            for plan in done.contexts
        ],
        "skipped": [{"reason": each.reason, **_cluster_as_dict(each.cluster)} for each in done.skipped],
        "failures": [
            {
                "region": failure.region,
                "name": failure.cluster,
                "error": failure.error.message,
                "hint": failure.error.hint,
                "code": failure.error.code,
            }
            for failure in done.failures
        ],
        **({"diff": done.outcome.diff()} if done.outcome.dry_run else {}),
    }


def _cluster_as_dict(cluster: ClusterInfo) -> dict[str, object]:
    return {
        "name": cluster.name,
        "arn": cluster.arn,
        "region": cluster.region,
        "account": cluster.account,
        "status": cluster.status,
        "version": cluster.version,
        "endpoint": cluster.endpoint,
        "authenticationMode": cluster.authentication_mode,
    }
