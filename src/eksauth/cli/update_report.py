"""What an update came to: lines for people, lines for scripts, a document for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eksauth.cli.output import complain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eksauth.aws.cluster_info import ClusterInfo
    from eksauth.kubeconfig.command_path import FoundCommand
    from eksauth.kubeconfig.update import Updated


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
