"""The use-case behind ``eksauth kubeconfig update``: ask EKS, then make kubeconfigs say what it answered.

All of AWS is asked before the first lock is taken; what goes into the files is decided on what is read under the locks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from eksauth.aws.cluster_info import ClusterInfo, parse_cluster_arn
from eksauth.aws.eks_survey import Failure, Progress
from eksauth.credentials.quick import RoleRequest
from eksauth.credentials.settings import named_region
from eksauth.kubeconfig import store
from eksauth.kubeconfig.asker import Asker
from eksauth.kubeconfig.exec_entry import EntryOptions, ExecIdentity
from eksauth.kubeconfig.operations import SetCurrentContext
from eksauth.kubeconfig.outcome import Outcome
from eksauth.kubeconfig.paths import Files
from eksauth.kubeconfig.resolve import Merged
from eksauth.kubeconfig.routing import Change
from eksauth.kubeconfig.session import Settings
from eksauth.kubeconfig.update_clusters import Find, Skipped, find_all, find_one
from eksauth.kubeconfig.update_plan import PlannedContext, plan_contexts
from eksauth.kubeconfig.update_request import UpdateRequest, check


@dataclass(frozen=True, slots=True)
class Updated:
    """What was done.

    :ivar contexts: one for each cluster that is in the kubeconfig now, in order of region and name.
    :ivar skipped: clusters that cannot get an entry, with the reason.
    :ivar failures: regions and clusters that could not be asked about.
    :ivar current_context: the context that was made the current one, or None.
    :ivar outcome: the files.
    """

    contexts: tuple[PlannedContext, ...]
    skipped: tuple[Skipped, ...]
    failures: tuple[Failure, ...]
    current_context: str | None
    outcome: Outcome
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())


def update(
    request: UpdateRequest,
    files: Files,
    *,
    environ: Mapping[str, str],
    progress: Progress = lambda _done, _known: None,
    waiting: Callable[[ClusterInfo, float], None] = lambda _cluster, _seconds: None,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.time,
) -> Updated:
    """Add or bring up to date the entries of one cluster, or of all.

    botocore reads the process's own environment, so ``environ`` has to be it.

    :param files: the kubeconfigs, from :func:`eksauth.kubeconfig.paths.kubeconfig_files`.
    :param progress: told how many calls are done and known of, with ``all_clusters``.
    :param waiting: told what is waited for, and for how many seconds so far.
    :raises UsageError: when the request contradicts itself.
    :raises ConfigError: for unusable files, and ``kubeconfig.collision`` when an entry belongs to somebody else.
    :raises CredentialsError: when there are no credentials to ask EKS with.
    :raises AwsError: when EKS refuses, cannot be reached, or has no such cluster.
    """
    check(request)
    asker = Asker(
        environ=environ,
        region=request.region or _fallback_region(request, environ),
        profile=request.profile,
        role=_describe_role(request),
        endpoint_url=request.endpoint_url,
        interactive=request.interactive,
        clock=clock,
        credentials=None if request.acting is None else request.acting.credentials,
    )
    # a broken kubeconfig is found before the first call, not after the last
    store.apply(files, lambda _merged: (), dry_run=True, environ=environ)
    try:
        if request.all_clusters:
            found = find_all(asker, request.regions, wait=request.wait, progress=progress, waiting=waiting, sleep=sleep)
        else:
            found = find_one(asker, request.name or "", wait=request.wait, waiting=waiting, sleep=sleep)
        identity = _identity(request, asker)
    finally:
        asker.close()
    return write(request, found, identity, files, environ=environ, warnings=asker.warnings)


def write(
    request: UpdateRequest,
    found: Find,
    identity: ExecIdentity,
    files: Files,
    *,
    environ: Mapping[str, str],
    warnings: Sequence[str] = (),
) -> Updated:
    """Write the entries of clusters that were found."""
    options = EntryOptions(
        command=request.command,
        identity=identity,
        api_version=request.api_version,
        namespace=request.namespace,
        proxy_url=request.proxy_url,
    )
    last: list[tuple[list[PlannedContext], str | None, list[str]]] = []

    def decide(merged: Merged) -> list[Change]:
        planned = plan_contexts(merged, found.clusters, request.naming, options, force=request.force)
        changes: list[Change] = [change for plan in planned for change in plan.changes]
        current, notes = None, []
        if request.set_context and not request.all_clusters and planned:
            current = planned[0].names.context
            changes.append(SetCurrentContext(current))
            notes = _current_notes(merged, planned[0])
        last.append((planned, current, notes))
        return changes

    outcome = store.apply(
        files,
        decide,
        dry_run=request.dry_run,
        reason=_reason(request),
        settings=Settings(fix_permissions=request.fix_permissions),
        environ=environ,
    )
    planned, current, notes = last[-1]
    notes = [*notes, *dict.fromkeys(note for plan in planned for note in plan.notes)]
    return Updated(
        tuple(planned),
        found.skipped,
        found.failures,
        current,
        outcome,
        (*warnings, *outcome.warnings),
        tuple(notes),
    )


def _fallback_region(request: UpdateRequest, environ: Mapping[str, str]) -> str | None:
    if request.acting is None or request.all_clusters or parse_cluster_arn(request.name or "") is not None:
        return None
    return None if named_region(environ, None) else request.acting.region


def _describe_role(request: UpdateRequest) -> RoleRequest | None:
    if request.describe_role_arn is None:
        return None
    same = request.describe_role_arn == request.role_arn
    return RoleRequest(
        request.describe_role_arn,
        external_id=request.external_id if same else None,
        session_name=request.describe_session_name,
    )


def _identity(request: UpdateRequest, asker: Asker) -> ExecIdentity:
    """Return who the entry acts as: what was asked for, else the profile that is in force.

    Keys in the environment beat ``AWS_PROFILE``; an entry that named the profile would act as somebody else.
    """
    if request.acting is not None:
        return replace(
            request.acting.identity,
            role_arn=request.role_arn,
            external_id=request.external_id,
            session_name=request.session_name,
        )
    return ExecIdentity(
        profile=request.exec_profile or asker.profile_in_force(),
        role_arn=request.role_arn,
        external_id=request.external_id,
        session_name=request.session_name,
    )


def _current_notes(merged: Merged, plan: PlannedContext) -> list[str]:
    current = merged.current_context
    if current is None or current.value == plan.names.context or current.place.path == plan.path:
        return []
    return [f"current-context is set in {current.place.path}, which comes before {plan.path}"]


def _reason(request: UpdateRequest) -> str:
    return "kubeconfig update --all" if request.all_clusters else f"kubeconfig update --name {request.name}"
