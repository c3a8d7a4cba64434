"""The use-case behind ``eksauth kubeconfig update``: ask EKS, then make kubeconfigs say what it answered.

All of AWS is asked before the first lock is taken; what goes into the files is decided on what is read under the locks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from eksauth.aws.cluster_info import ClusterInfo
from eksauth.aws.eks_survey import Failure, Progress
from eksauth.credentials.quick import RoleRequest
from eksauth.errors import UsageError
from eksauth.kubeconfig import store
from eksauth.kubeconfig.context_template import parts
from eksauth.kubeconfig.exec_entry import EntryOptions, ExecIdentity
from eksauth.kubeconfig.operations import SetCurrentContext
from eksauth.kubeconfig.outcome import Outcome
from eksauth.kubeconfig.paths import Files
from eksauth.kubeconfig.resolve import Merged
from eksauth.kubeconfig.routing import Change
from eksauth.kubeconfig.session import Settings
from eksauth.kubeconfig.update_clusters import Asker, Find, Skipped, find_all, find_one
from eksauth.kubeconfig.update_plan import Naming, PlannedContext, plan_contexts


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateRequest:
    """What ``kubeconfig update`` was asked.

    :ivar name: a cluster's name or ARN; None with ``all_clusters``.
    :ivar regions: with ``all_clusters`` the regions to look in; all enabled ones when empty.
    :ivar profile: AWS profile to ask EKS with, and by default the one in the entry.
    :ivar exec_profile: profile in the entry, when it is another one.
    :ivar role_arn: role in the entry; it is not used to ask EKS.
    :ivar describe_role_arn: role to ask EKS with.
    :ivar describe_session_name: session name for that.
    :ivar set_context: make the (only) context the current one.
    :ivar wait: wait for a cluster that is being created.
    :ivar force: change entries of other clusters and identities, too.
    """

    command: str
    name: str | None = None
    all_clusters: bool = False
    region: str | None = None
    regions: tuple[str, ...] = ()
    profile: str | None = None
    exec_profile: str | None = None
    role_arn: str | None = None
    external_id: str | None = None
    session_name: str | None = None
    describe_role_arn: str | None = None
    describe_session_name: str | None = None
    endpoint_url: str | None = None
    naming: Naming = field(default_factory=Naming)
    namespace: str | None = None
    proxy_url: str | None = None
    api_version: str = "v1"
    set_context: bool = True
    dry_run: bool = False
    wait: bool = False
    force: bool = False
    fix_permissions: bool = False
    interactive: bool = False


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
        region=request.region,
        profile=request.profile,
        role=_describe_role(request),
        endpoint_url=request.endpoint_url,
        interactive=request.interactive,
        clock=clock,
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


def check(request: UpdateRequest) -> None:
    """Refuse a request that contradicts itself or that no cluster could accept.

    :raises UsageError: with what to do instead.
    """
    from eksauth.token.checks import check_region

    naming = request.naming
    if request.all_clusters and request.name:
        raise UsageError("--all and --name exclude each other", hint="leave one of them out")
    if not request.all_clusters and not request.name:
        raise UsageError("no cluster named", hint="give --name NAME, or --all for every cluster of the account")
    if request.regions and not request.all_clusters:
        raise UsageError("--regions is for --all", hint="use --region for one cluster")
    if request.all_clusters and (naming.alias or naming.user_alias or naming.cluster_alias):
        raise UsageError(
            "--alias, --user-alias and --cluster-alias name one cluster, and --all means many",
            hint="use --context-template, for example '{name}.{region}'",
        )
    if naming.alias and naming.template:
        raise UsageError("--alias and --context-template exclude each other", hint="leave one of them out")
    if naming.template:
        parts(naming.template)
    for flag, value in (
        ("--alias", naming.alias),
        ("--user-alias", naming.user_alias),
        ("--cluster-alias", naming.cluster_alias),
        ("--namespace", request.namespace),
        ("--exec-profile", request.exec_profile),
    ):
        if value is not None and not (value.strip() and value.isprintable()):
            raise UsageError(f"{flag} is empty or has control characters", hint="give a name that can be typed")
    if request.namespace is not None:
        _check_namespace(request.namespace)
    if request.proxy_url is not None:
        _check_proxy(request.proxy_url)
    for region in (*request.regions, *((request.region,) if request.region else ())):
        check_region(region)
    _check_roles(request)


def _check_namespace(name: str) -> None:
    plain = name.isascii() and name.replace("-", "").isalnum() and name == name.lower()
    if not plain or name[0] == "-" or name[-1] == "-" or len(name) > 63:
        raise UsageError(
            f"'{name[:70]}' cannot be a namespace", hint="namespaces are lower case letters, digits and dashes"
        )


def _check_proxy(url: str) -> None:
    from urllib.parse import urlsplit

    try:
        split = urlsplit(url)
        good = split.scheme in {"http", "https", "socks5"} and bool(split.hostname) and split.port != 0
    except ValueError:
        good = False
    if not good or not url.isprintable() or " " in url:
        raise UsageError(
            "--proxy-url is not a URL that kubectl takes", hint="for example http://proxy:3128 or socks5://host:1080"
        )


def _check_roles(request: UpdateRequest) -> None:
    from eksauth.credentials.assume_role import check_role

    if request.role_arn is None:
        for flag, value in (("--external-id", request.external_id), ("--session-name", request.session_name)):
            if value is not None:
                raise UsageError(f"{flag} is for a role in the entry, and there is none", hint="add --role-arn ARN")
    else:
        check_role(RoleRequest(request.role_arn, external_id=request.external_id, session_name=request.session_name))
    if request.describe_role_arn is not None:
        check_role(RoleRequest(request.describe_role_arn))


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
