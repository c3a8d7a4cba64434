"""What one cluster's entries are called and hold, and whether an existing entry may be changed; pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from eksauth.aws.cluster_info import ClusterInfo
from eksauth.credentials.config.model import EksIntegration
from eksauth.errors import ConfigError, EksauthError, UsageError
from eksauth.kubeconfig.exec_entry import EntryOptions, ExecIdentity, default_user_name, longer_user_name
from eksauth.kubeconfig.guard import is_protected
from eksauth.kubeconfig.resolve import Merged
from eksauth.kubeconfig.update_plan import Naming, PlannedContext, plan_context
from eksauth.kubeconfig.update_request import check_namespace

COLLISION = "kubeconfig.collision"


@dataclass(slots=True)
class Writing:
    """What goes into one write.

    :ivar command: of the exec entries.
    :ivar taken: contexts that other integrations of the same write get, with those integrations' names.
    """

    command: str
    taken: dict[str, str] = field(default_factory=dict)


def plan_entry(
    merged: Merged,
    cluster: ClusterInfo,
    integration: EksIntegration,
    identity: ExecIdentity,
    writing: Writing,
    *,
    shared: bool = False,
) -> PlannedContext:
    """Decide about one cluster.

    Without an alias the context is called like the cluster's ARN. When that is somebody else's, or several identities
    have the cluster, it is called like its user: ARN and identity.

    :param shared: several identities have the cluster.
    :raises ConfigError: ``kubeconfig.collision`` when an entry belongs to somebody else; ``kubeconfig.differs`` when it
        would change and ``update`` is ``error``; ``kubeconfig.protected`` for protected contexts of somebody else.
    """
    options = EntryOptions(
        command=writing.command,
        identity=identity,
        namespace=integration.namespace,
        whole=integration.update == "replace",
    )
    try:
        if integration.namespace is not None:
            check_namespace(integration.namespace)
        return _first_that_fits(merged, cluster, integration, options, writing, shared=shared)
    except UsageError as error:  # nobody typed it here: the configuration says so
        raise ConfigError(f"{integration.place}: {error.message}", hint=error.hint, code="config.entry") from None


def _first_that_fits(
    merged: Merged,
    cluster: ClusterInfo,
    integration: EksIntegration,
    options: EntryOptions,
    writing: Writing,
    *,
    shared: bool,
) -> PlannedContext:
    first: EksauthError | None = None
    for naming in _namings(cluster, integration, options.identity, shared=shared):
        try:
            plan = _plan(merged, cluster, integration, naming, options)
            _check_free(plan, writing)
        except ConfigError as error:
            first = first or error
            if error.code != COLLISION:
                break
            continue
        if integration.update == "error" and plan.overwrites:
            raise ConfigError(
                f"{plan.overwrites[0]} is in {plan.path} already and says something else",
                hint="'update: merge' in the configuration brings it up to date",
                code="kubeconfig.differs",
            )
        writing.taken[plan.names.context] = integration.name
        if first is not None:
            note = f'the context is called "{plan.names.context}", because the usual name is taken'
            return replace(plan, notes=(*plan.notes, note))
        return plan
    raise first or AssertionError


def _namings(
    cluster: ClusterInfo, integration: EksIntegration, identity: ExecIdentity, *, shared: bool
) -> list[Naming]:
    if integration.cluster_alias is not None:
        return [Naming(template=integration.cluster_alias)]
    own = [Naming(alias=default_user_name(cluster, identity)), Naming(alias=longer_user_name(cluster, identity))]
    if integration.update == "replace":  # then nothing is somebody else's, and the first name is good
        return own[:1] if shared else [Naming()]
    return own if shared else [Naming(), *own]


def _plan(
    merged: Merged, cluster: ClusterInfo, integration: EksIntegration, naming: Naming, options: EntryOptions
) -> PlannedContext:
    hint = "give the context another name with spec.cluster.alias"
    try:
        plan = plan_context(merged, cluster, naming, options)
    except ConfigError as error:
        if error.code != COLLISION:
            raise
        if integration.update != "replace":
            hint += ", or let 'update: replace' have it"
            raise ConfigError(error.message, hint=hint, code=error.code) from None
        plan = plan_context(merged, cluster, naming, options, force=True)
        known = merged.contexts.get(plan.names.context)
        if known is not None and is_protected(known.value):
            raise ConfigError(
                f'context "{plan.names.context}" is protected, and belongs to somebody else',
                hint=hint,
                code="kubeconfig.protected",
            ) from None
    for name in (plan.names.context, plan.names.user, plan.names.cluster):
        if not (name.strip() and name.isprintable()):
            raise ConfigError(
                f"{integration.place}: the name of an entry would be empty or have control characters",
                hint="give the context another name with spec.cluster.alias",
                code="kubeconfig.name",
            )
    return plan


def _check_free(plan: PlannedContext, writing: Writing) -> None:
    other = writing.taken.get(plan.names.context)
    if other is not None:
        raise ConfigError(
            f'integration {other} has a context called "{plan.names.context}" already',
            hint="give each its own name with spec.cluster.alias, for example '{name}-{identity}'",
            code=COLLISION,
        )
