"""The contexts of a merged kubeconfig as rows for people and scripts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from eksauth.kubeconfig.listing_quick import Line, fits
from eksauth.kubeconfig.model import User
from eksauth.kubeconfig.owner import OWNER, owner_of
from eksauth.kubeconfig.resolve import Found, Merged, Place


@dataclass(frozen=True, slots=True)
class Row:
    """One context.

    :ivar namespace: empty when the context names none.
    :ivar owner: ``eksauth`` for entries that eksauth wrote, else empty.
    :ivar server: address of the API server; empty when the cluster is missing or gives none.
    :ivar auth: how the user proves who they are, see :func:`auth_of`.
    :ivar place: file and line of the context.
    :ivar missing: ``cluster`` and ``user`` where the context names one that does not exist, or none.
    """

    name: str
    current: bool
    cluster: str
    user: str
    namespace: str
    owner: str
    account: str
    region: str
    server: str
    auth: str
    place: Place
    shadows: tuple[Place, ...]
    missing: tuple[str, ...]

    @property
    def line(self) -> Line:
        """The row as the plain table shows it."""
        owned = bool(self.owner)
        return Line(self.name, self.current, self.cluster, self.user, self.namespace, owned, str(self.place.path))


def list_contexts(merged: Merged, patterns: Iterable[str] = ()) -> list[Row]:
    """Return the contexts in kubectl's order, those only whose name fits one of the shell ``patterns``, if any."""
    wanted = tuple(patterns)
    current = merged.current_context.value if merged.current_context else None
    rows = []
    for name, found in merged.contexts.items():
        if wanted and not fits(name, wanted):
            continue
        context = found.value
        cluster, user = merged.clusters.get(context.cluster), merged.users.get(context.user)
        owner = owner_of(context.extensions)
        missing = tuple(what for what, entry in (("cluster", cluster), ("user", user)) if entry is None)
        rows.append(
            Row(
                name=name,
                current=name == current,
                cluster=context.cluster,
                user=context.user,
                namespace=context.namespace,
                owner=OWNER if owner else "",
                account=owner.account if owner else "",
                region=owner.region if owner else "",
                server=cluster.value.server if cluster else "",
                auth=auth_of(user),
                place=found.place,
                shadows=found.shadowed,
                missing=missing,
            )
        )
    return rows


def auth_of(found: Found[User] | None) -> str:
    """Name the way a user authenticates, in the order in which kubectl prefers them; empty when there is none."""
    if found is None:
        return ""
    user = found.value
    if user.token or user.token_file:
        return "token"
    if user.username:
        return "basic"
    if user.client_certificate or user.client_certificate_data:
        return "certificate"
    if user.exec is not None:
        return f"exec {user.exec.command.rpartition('/')[2]}"
    return user.auth_provider.name if user.auth_provider is not None else ""
