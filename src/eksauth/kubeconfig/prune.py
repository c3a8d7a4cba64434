"""Taking out entries of EKS clusters that are gone or have been made anew; never on doubt.

Only entries that eksauth wrote are touched unless all were asked for. A context that a person made on such a cluster
keeps the cluster in the file.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from eksauth.aws.eks import ClusterInfo
from eksauth.kubeconfig.document import Entry
from eksauth.kubeconfig.entry_origin import region_of_endpoint
from eksauth.kubeconfig.model import Cluster
from eksauth.kubeconfig.owner import owner_of
from eksauth.kubeconfig.prune_ask import Answer
from eksauth.kubeconfig.prune_targets import Target
from eksauth.kubeconfig.removal import Key, Removal, plan_removal
from eksauth.kubeconfig.resolve import Merged

State = Literal["gone", "changed", "current", "unknown"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one cluster entry.

    :ivar state: ``gone`` and ``changed`` go; ``current`` and ``unknown`` stay.
    :ivar why: for people.
    """

    target: Target
    state: State
    why: str

    @property
    def goes(self) -> bool:
        """Whether the entry is to be removed."""
        return self.state in {"gone", "changed"}


def judge(targets: Iterable[Target], answers: Mapping[str, Answer]) -> list[Verdict]:
    """Return a verdict on each target; pure."""
    return [_verdict(target, answers.get(target.entry, Answer(doubt="EKS was not asked"))) for target in targets]


def _verdict(target: Target, answer: Answer) -> Verdict:
    if answer.doubt:
        return Verdict(target, "unknown", answer.doubt)
    if answer.gone:
        return Verdict(target, "gone", f"EKS has no cluster {target.eks.cluster} in {target.eks.region}")
    cluster = answer.cluster
    if cluster is None:
        return Verdict(target, "unknown", "EKS gave no answer")
    if not cluster.endpoint or not cluster.ca_data:
        return Verdict(target, "unknown", f"the cluster is {cluster.status} and has no endpoint")
    return _compared(target, cluster)


def _compared(target: Target, cluster: ClusterInfo) -> Verdict:
    entry = target.value
    if region_of_endpoint(cluster.endpoint) and not region_of_endpoint(entry.server):
        return Verdict(target, "current", "it is reached through an address of its own, which is kept")
    if _address(entry.server) != _address(cluster.endpoint):
        return Verdict(target, "changed", f"its endpoint is {cluster.endpoint} now: it was made anew")
    ca = _ca(entry)
    if ca is not None and ca != _decoded(cluster.ca_data):
        return Verdict(target, "changed", "its certificate authority is another one now: it was made anew")
    return Verdict(target, "current", cluster.status)


def _address(url: str) -> tuple[str, str, int]:
    try:
        parts = urlsplit(url)
        return parts.scheme, (parts.hostname or "").rstrip("."), parts.port or 443
    except ValueError:
        return "", url, 0


def _ca(cluster: Cluster) -> bytes | None:
    """Return the entry's own certificates; None when it has none of its own, or names a file."""
    return _decoded(cluster.certificate_authority_data) if cluster.certificate_authority_data else None


def _decoded(data: str) -> bytes:
    try:
        return b"".join(base64.b64decode(data).split())
    except (binascii.Error, ValueError):
        return data.encode()


def plan_prune(merged: Merged, verdicts: Iterable[Verdict], *, everything: bool = False) -> Removal:
    """Return what goes: contexts of those clusters, the clusters, and users that nothing else uses; pure.

    Entries that are not what was judged any more stay.

    :param everything: entries that eksauth did not write go as well.
    """
    going = {
        verdict.target.entry
        for verdict in verdicts
        if verdict.goes
        and verdict.target.entry in merged.clusters
        and merged.clusters[verdict.target.entry].value == verdict.target.value
    }
    may = _may(everything=everything)
    contexts = {
        name for name, found in merged.contexts.items() if found.value.cluster in going and _is(may, found.entry)
    }
    staying = [found.value for name, found in merged.contexts.items() if name not in contexts]
    clusters = {name for name in going if all(context.cluster != name for context in staying)}
    users = {merged.contexts[name].value.user for name in contexts} - {context.user for context in staying}
    wanted: list[Key] = [("contexts", name) for name in sorted(contexts)]
    wanted += [("clusters", name) for name in sorted(clusters)]
    wanted += [("users", name) for name in sorted(users) if name in merged.users and _is(may, merged.users[name].entry)]
    return plan_removal(merged, wanted, keep_orphans=True, mine=may)


def _may(*, everything: bool) -> Callable[[Entry], bool]:
    return lambda entry: everything or owner_of(entry.value.extensions) is not None


def _is(may: Callable[[Entry], bool], entry: Entry | None) -> bool:
    return entry is not None and may(entry)
