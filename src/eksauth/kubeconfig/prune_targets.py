"""Which EKS clusters the entries of a kubeconfig stand for, and as whom EKS can be asked about them; pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from eksauth.kubeconfig.entry_origin import EksOrigin, eks_origin
from eksauth.kubeconfig.exec_entry import ExecIdentity
from eksauth.kubeconfig.exec_identity import identity_of
from eksauth.kubeconfig.model import Cluster
from eksauth.kubeconfig.owner import Owner, owner_of
from eksauth.kubeconfig.resolve import Found, Merged


@dataclass(frozen=True, slots=True)
class Target:
    """A cluster entry that stands for an EKS cluster.

    :ivar entry: the entry's name.
    :ivar value: what it says.
    :ivar owned: whether eksauth wrote it.
    :ivar eks: account, region and name in EKS, as far as the entries tell; some may be empty.
    :ivar askers: identities to ask EKS as, best first.
    """

    entry: str
    value: Cluster
    owned: bool
    eks: EksOrigin
    askers: tuple[ExecIdentity, ...]

    @property
    def askable(self) -> bool:
        """Whether enough is known to ask EKS and to believe a no."""
        return bool(self.eks.account and self.eks.region and self.eks.cluster)


def find_targets(merged: Merged, *, everything: bool = False, profile: str | None = None) -> list[Target]:
    """Return the clusters to ask about, by name of their entries.

    :param everything: those that eksauth did not write too, as long as they look like EKS.
    :param profile: ask as this AWS profile only.
    """
    contexts: dict[str, list[str]] = {}
    for found in merged.contexts.values():
        contexts.setdefault(found.value.cluster, []).append(found.value.user)
    targets = []
    for name, cluster in merged.clusters.items():
        owner = owner_of(cluster.value.extensions)
        if owner is None and not everything:
            continue
        users = contexts.get(name, [])
        eks = _origin(merged, cluster, users)
        if owner is None and not (eks.cluster and eks.region):
            continue
        askers = (ExecIdentity(profile=profile),) if profile else _askers(merged, owner, users)
        targets.append(Target(name, cluster.value, owner is not None, eks, askers))
    return targets


def _origin(merged: Merged, cluster: Found[Cluster], users: list[str]) -> EksOrigin:
    """Return what the cluster entry tells, completed by the users that it is used with."""
    own = eks_origin(cluster.entry) if cluster.entry is not None else EksOrigin()
    for name in users:
        found = merged.users.get(name)
        if found is None or found.entry is None:
            continue
        theirs = eks_origin(found.entry)
        if (own.region and theirs.region and own.region != theirs.region) or (
            own.cluster and theirs.cluster and own.cluster != theirs.cluster
        ):
            continue
        own = EksOrigin(own.account or theirs.account, own.region or theirs.region, own.cluster or theirs.cluster)
    return own


def _askers(merged: Merged, owner: Owner | None, users: list[str]) -> tuple[ExecIdentity, ...]:
    """Return who may know: first as ``kubeconfig update`` asks, without the entry's role, then with it."""
    identities = []
    for name in users:
        found = merged.users.get(name)
        identity = identity_of(found.value) if found is not None else None
        if identity is not None:
            identities.append(identity)
    if owner is not None and (owner.profile or owner.role):
        identities.append(ExecIdentity(profile=owner.profile or None, role_arn=owner.role or None))
    found_all: dict[ExecIdentity, None] = {}
    for identity in identities:
        found_all[replace(identity, role_arn=None, external_id=None, session_name=None, cross_account=False)] = None
    found_all.update(dict.fromkeys(identity for identity in identities if identity.role_arn))
    return tuple(found_all) or (ExecIdentity(),)
