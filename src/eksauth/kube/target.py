"""What a context of a kubeconfig leads to: a cluster, and a user to be there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from eksauth.errors import ConfigError
from eksauth.kubeconfig.located import located_cluster, located_user
from eksauth.kubeconfig.model import Cluster, User
from eksauth.kubeconfig.resolve import Merged
from eksauth.kubeconfig.usable import check_context


@dataclass(frozen=True, slots=True)
class Target:
    """A cluster and a user of a context, with all paths absolute.

    :ivar environ: for plugins and proxies.
    :ivar terminal: whether a plugin may ask the person at the terminal.
    :ivar timeout: seconds for each step on the network, and for a plugin.
    """

    context: str
    cluster: Cluster
    user: User
    user_name: str
    environ: Mapping[str, str] = field(repr=False)
    terminal: bool = False
    timeout: float = 30.0


def target_of(
    merged: Merged,
    context: str | None,
    *,
    cwd: Path,
    environ: Mapping[str, str],
    terminal: bool = False,
    timeout: float = 30.0,
) -> Target:
    """Return what a context leads to.

    :param context: None is the current one.
    :raises ConfigError: when the context, its cluster or its user is missing or contradicts itself.
    """
    found = merged.context(context)
    for finding in check_context(merged, found, cwd):
        raise ConfigError(f"{finding.place}: {finding.message}", hint=finding.hint, code=finding.code)
    user = merged.users[found.value.user]
    cluster = located_cluster(merged.clusters[found.value.cluster], cwd)
    return Target(found.name, cluster, located_user(user, cwd), user.name, environ, terminal, timeout)
