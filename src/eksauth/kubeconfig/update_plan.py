"""Which entries a cluster gets in kubeconfigs that exist, and whether that would take one from somebody; pure.

Existing entries of the same cluster and the same identity are brought up to date under the names they have. An entry
that belongs to another cluster or acts as another identity is never changed without ``force``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eksauth.aws.arn import parse_arn
from eksauth.aws.cluster_info import ClusterInfo
from eksauth.errors import ConfigError
from eksauth.kubeconfig.context_template import context_name
from eksauth.kubeconfig.document import BODY_KEYS
from eksauth.kubeconfig.exec_entry import EntryNames, EntryOptions, default_user_name, longer_user_name, operations
from eksauth.kubeconfig.exec_identity import cluster_in, identity_of, same_identity
from eksauth.kubeconfig.model import Cluster, Context, NamedExtension, User
from eksauth.kubeconfig.operations import SetEntry
from eksauth.kubeconfig.owner import OWNER
from eksauth.kubeconfig.paths import default_target
from eksauth.kubeconfig.resolve import Found, Merged
from eksauth.kubeconfig.routing import Change, InFile
from eksauth.kubeconfig.tree import Values

AnyFound = Found[Cluster] | Found[Context] | Found[User]


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """What the user wants entries to be called; None leaves it to the rules.

    :ivar alias: the context.
    :ivar template: the context, with variables, see :mod:`eksauth.kubeconfig.context_template`.
    """

    alias: str | None = None
    user_alias: str | None = None
    cluster_alias: str | None = None
    template: str | None = None


@dataclass(frozen=True, slots=True)
class PlannedContext:
    """What happens for one cluster.

    :ivar action: ``added``, ``updated`` or ``unchanged``.
    :ivar path: the file that the context is in.
    :ivar notes: what a person should know, one line each.
    :ivar overwrites: existing entries that would change, for people.
    """

    cluster: ClusterInfo
    names: EntryNames
    action: str
    path: Path
    notes: tuple[str, ...] = ()
    changes: tuple[Change, ...] = field(default=(), repr=False)
    overwrites: tuple[str, ...] = ()


def plan_contexts(
    merged: Merged,
    clusters: Iterable[ClusterInfo],
    naming: Naming,
    options: EntryOptions,
    *,
    force: bool = False,
) -> list[PlannedContext]:
    """Decide about every cluster.

    :param force: change entries of others, too.
    :raises ConfigError: ``kubeconfig.collision`` when an entry belongs to somebody else, or two clusters would get the
        same context.
    """
    planner = _Planner(merged, naming, options, force=force)
    planned = [planner.plan(cluster) for cluster in clusters]
    _check_distinct(planned)
    return planned


def plan_context(
    merged: Merged, cluster: ClusterInfo, naming: Naming, options: EntryOptions, *, force: bool = False
) -> PlannedContext:
    """Decide about one cluster; for callers that plan each with options of its own.

    :raises ConfigError: as :func:`plan_contexts` does.
    """
    return _Planner(merged, naming, options, force=force).plan(cluster)


class _Planner:
    def __init__(self, merged: Merged, naming: Naming, options: EntryOptions, *, force: bool) -> None:
        self._merged = merged
        self._naming = naming
        self._options = options
        self._force = force
        self._trees: dict[int, dict[str, Any]] = {}
        self._default: Path | None = None

    def plan(self, cluster: ClusterInfo) -> PlannedContext:
        notes: list[str] = []
        names = self._names(cluster)
        if not self._force:
            self._check_cluster(cluster, names)
            self._check_user(cluster, names)
            self._check_context(cluster, names)
        if not cluster.public_endpoint:
            notes.append(f"the endpoint of {cluster.name} answers only inside its VPC and what is connected to it")
        home, changes, changed, overwrites = self._placed(cluster, names)
        action = "added" if names.context not in self._merged.contexts else "updated" if changed else "unchanged"
        return PlannedContext(cluster, names, action, home, tuple(notes), changes, overwrites)

    def _names(self, cluster: ClusterInfo) -> EntryNames:
        naming, identity = self._naming, self._options.identity
        context = naming.alias or naming.user_alias or cluster.arn
        if naming.template and not naming.alias:
            context = context_name(naming.template, cluster, identity)
        user = naming.user_alias or self._free_user_name(cluster)
        known = self._merged.contexts.get(context)
        if known is not None and naming.user_alias is None and self._is_ours(cluster, known.value.user):
            user = known.value.user
        named = naming.cluster_alias or cluster.arn
        if known is not None and naming.cluster_alias is None and self._is_same_cluster(cluster, known.value.cluster):
            named = known.value.cluster
        return EntryNames(named, user, context)

    def _free_user_name(self, cluster: ClusterInfo) -> str:
        identity = self._options.identity
        name = default_user_name(cluster, identity)
        if identity.config and name in self._merged.users and not self._is_ours(cluster, name):
            return longer_user_name(cluster, identity)
        return name

    def _is_ours(self, cluster: ClusterInfo, user: str) -> bool:
        """Tell whether a user entry already acts as our identity for our cluster."""
        found = self._merged.users.get(user)
        if found is None:
            return False
        identity = identity_of(found.value)
        return (
            identity is not None
            and same_identity(identity, self._options.identity)
            and self._is_user_of(cluster, found.value)
        )

    @staticmethod
    def _is_user_of(cluster: ClusterInfo, user: User) -> bool:
        marked = _marked_arn(user.extensions)
        if marked is not None:
            return marked == cluster.arn
        name, region = cluster_in(user)
        return name in {cluster.name, cluster.local_id} and region in {None, cluster.region}

    def _is_same_cluster(self, cluster: ClusterInfo, name: str) -> bool:
        found = self._merged.clusters.get(name)
        if found is None:
            return name == cluster.arn
        marked = _marked_arn(found.value.extensions)
        if marked is not None:
            return marked == cluster.arn
        return name == cluster.arn or found.value.server.rstrip("/").lower() == cluster.endpoint.rstrip("/").lower()

    def _check_cluster(self, cluster: ClusterInfo, names: EntryNames) -> None:
        found = self._merged.clusters.get(names.cluster)
        if found is not None and not self._is_same_cluster(cluster, names.cluster):
            raise ConfigError(
                f'{found.place}: cluster "{names.cluster}" is another cluster ({_shown_cluster(found)})',
                hint="choose another name with --cluster-alias, or replace it with --force",
                code="kubeconfig.collision",
            )

    def _check_user(self, cluster: ClusterInfo, names: EntryNames) -> None:
        found = self._merged.users.get(names.user)
        if found is None or self._is_ours(cluster, names.user):
            return
        raise ConfigError(
            f'{found.place}: user "{names.user}" {self._difference(cluster, found)}',
            hint="choose another name with --user-alias, or replace it with --force",
            code="kubeconfig.collision",
        )

    def _check_context(self, cluster: ClusterInfo, names: EntryNames) -> None:
        found = self._merged.contexts.get(names.context)
        if found is None:
            return
        context = found.value
        if context.cluster and not self._is_same_cluster(cluster, context.cluster):
            raise self._taken(cluster, found, f'leads to another cluster, "{context.cluster}"')
        user = self._merged.users.get(context.user)
        if user is not None and context.user != names.user and not self._is_ours(cluster, context.user):
            raise self._taken(cluster, found, f'has user "{context.user}", which {self._difference(cluster, user)}')

    def _taken(self, cluster: ClusterInfo, found: Found[Context], why: str) -> ConfigError:
        return ConfigError(
            f'{found.place}: context "{found.name}" {why}',
            hint=f"keep both with --alias {self._suggestion(cluster)}, or replace it with --force",
            code="kubeconfig.collision",
        )

    def _suggestion(self, cluster: ClusterInfo) -> str:
        identity = self._options.identity
        role = identity.role_arn.rpartition("/")[2] if identity.role_arn else None
        who = identity.identity or role or identity.profile or cluster.account
        for name in (f"{who}@{cluster.name}", f"{who}@{cluster.name}.{cluster.region}"):
            if name not in self._merged.contexts and name.isprintable() and " " not in name:
                return name
        return "NAME"

    def _difference(self, cluster: ClusterInfo, found: Found[User]) -> str:
        identity = identity_of(found.value)
        if identity is None:
            return "does not get its credentials in a way that eksauth knows"
        if not same_identity(identity, self._options.identity):
            return f"acts as {identity.describe()}, not as {self._options.identity.describe()}"
        name, region = cluster_in(found.value)
        return (
            f"is for another cluster, {name or 'an unnamed one'}{f' in {region}' if region else ''}, not {cluster.arn}"
        )

    def _placed(
        self, cluster: ClusterInfo, names: EntryNames
    ) -> tuple[Path, tuple[Change, ...], bool, tuple[str, ...]]:
        """Return the context's file, the operations each with its file, whether and which existing entries change.

        What exists is changed where it is; what is new goes beside the context or cluster that exists, so that the
        three stay together, else where kubectl puts new entries.
        """
        merged = self._merged
        siblings = (
            merged.contexts.get(names.context),
            merged.clusters.get(names.cluster),
            merged.users.get(names.user),
        )
        beside = next((found.document.path for found in siblings if found is not None), None)
        if beside is None:
            beside = self._default = self._default or default_target(
                merged.files, {document.path for document in merged.documents}.__contains__
            )
        changes: list[Change] = []
        changed = False
        overwrites: list[str] = []
        for operation in operations(cluster, names, self._options):
            found = self._existing(operation)
            if found is not None and self._changes(found, operation):
                overwrites.append(f'{BODY_KEYS[operation.section]} "{operation.name}"')
            changed = changed or found is None or bool(overwrites)
            changes.append(InFile(beside if found is None else found.document.path, operation))
        context = merged.contexts.get(names.context)
        home = beside if context is None else context.document.path
        return home, tuple(changes), changed, tuple(overwrites)

    def _existing(self, operation: SetEntry) -> AnyFound | None:
        if operation.section == "clusters":
            return self._merged.clusters.get(operation.name)
        if operation.section == "users":
            return self._merged.users.get(operation.name)
        return self._merged.contexts.get(operation.name)

    def _changes(self, found: AnyFound, operation: SetEntry) -> bool:
        key = id(found.document)
        if key not in self._trees:
            root = found.document.root
            self._trees[key] = Values().of(root) if root is not None else {}
        tree = self._trees[key]
        return operation.apply(tree) is not tree


def _check_distinct(planned: list[PlannedContext]) -> None:
    for section, hint in (
        ("context", "make the names differ with --context-template '{name}.{region}.{account}'"),
        ("user", "leave --user-alias out"),
        ("cluster", "leave --cluster-alias out"),
    ):
        seen: dict[str, PlannedContext] = {}
        for plan in planned:
            name = getattr(plan.names, section)
            if name in seen:
                raise ConfigError(
                    f'{seen[name].cluster.arn} and {plan.cluster.arn} would both get the {section} "{name}"',
                    hint=hint,
                    code="kubeconfig.collision",
                )
            seen[name] = plan


def _marked_arn(extensions: Iterable[NamedExtension]) -> str | None:
    for extension in extensions:
        if extension.name == OWNER and isinstance(extension.extension, dict):
            arn = extension.extension.get("arn")
            return arn if isinstance(arn, str) else None
    return None


def _shown_cluster(found: Found[Cluster]) -> str:
    arn = _marked_arn(found.value.extensions)
    if arn is not None:
        return arn
    try:
        parse_arn(found.name)
    except ValueError:
        return f"server {found.value.server or 'missing'}"
    return found.name
