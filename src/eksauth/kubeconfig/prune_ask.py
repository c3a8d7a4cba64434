"""Asking EKS whether clusters are still there; whatever is not certain is an open question, not an answer.

"No such cluster" counts only when the asker's account is the one that the entry names: EKS says the same about a
cluster of another account.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from eksauth.aws.eks import ClusterInfo
from eksauth.aws.eks_survey import describe_all
from eksauth.aws.partitions import partition_of_region
from eksauth.credentials.clients import AwsClients
from eksauth.credentials.model import Credentials
from eksauth.credentials.quick import RoleRequest
from eksauth.errors import EksauthError
from eksauth.kubeconfig.asker import Asker
from eksauth.kubeconfig.exec_entry import ExecIdentity
from eksauth.kubeconfig.prune_targets import Target

_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """What EKS says about one target.

    :ivar cluster: the cluster, if there is one.
    :ivar gone: whether there certainly is none.
    :ivar doubt: why nothing is known; empty when something is.
    """

    cluster: ClusterInfo | None = None
    gone: bool = False
    doubt: str = ""


def ask(
    targets: Iterable[Target],
    *,
    environ: Mapping[str, str],
    interactive: bool = False,
    progress: Callable[[int, int], None] = lambda _done, _known: None,
    clock: Callable[[], float] = time.time,
) -> dict[str, Answer]:
    """Return an answer for each target, by the name of its entry; AWS errors become doubts.

    botocore reads the process's own environment, so ``environ`` has to be it.
    """
    everything = list(targets)
    answers: dict[str, Answer] = {}
    open_questions = []
    for target in everything:
        missing = [word for word in ("account", "region", "cluster") if not getattr(target.eks, word)]
        if missing:
            answers[target.entry] = Answer(doubt=f"its entries do not tell the {' and the '.join(missing)}")
        else:
            open_questions.append(target)
    number = 0
    while open_questions:
        groups: dict[tuple[ExecIdentity, str], list[Target]] = {}
        for target in open_questions:
            if number < len(target.askers):
                partition = partition_of_region(target.eks.region)
                key = (target.askers[number], partition.name if partition else target.eks.region)
                groups.setdefault(key, []).append(target)
        if not groups:
            break
        for (identity, _), group in groups.items():
            for name, answer in _ask_as(identity, group, environ, interactive, progress, clock).items():
                answers[name] = _better(answers.get(name), answer)
        open_questions = [target for target in open_questions if answers[target.entry].doubt]
        number += 1
    return answers


def _better(before: Answer | None, now: Answer) -> Answer:
    if before is None or not now.doubt:
        return now
    return before if before.doubt == now.doubt else Answer(doubt=f"{before.doubt}; {now.doubt}")


def _ask_as(
    identity: ExecIdentity,
    targets: list[Target],
    environ: Mapping[str, str],
    interactive: bool,
    progress: Callable[[int, int], None],
    clock: Callable[[], float],
) -> dict[str, Answer]:
    role = identity.role_arn and RoleRequest(
        identity.role_arn, external_id=identity.external_id, session_name=identity.session_name
    )
    region = targets[0].eks.region
    try:
        asker = Asker(
            environ=environ,
            region=region,
            profile=identity.profile,
            role=role or None,
            endpoint_url=None,
            interactive=interactive,
            clock=clock,
            credentials=_of_configuration(identity, environ, clock),
        )
    except EksauthError as error:
        return {target.entry: Answer(doubt=error.message) for target in targets}
    try:
        calls = asker.clients(attempts=_ATTEMPTS)
        account = _account(calls, region)
        return _describe(calls, account, targets, progress)
    except EksauthError as error:
        return {target.entry: Answer(doubt=error.message) for target in targets}
    finally:
        asker.close()


def _of_configuration(
    identity: ExecIdentity, environ: Mapping[str, str], clock: Callable[[], float]
) -> Credentials | None:
    """Return the credentials of an entry's identity, as far as they can be had without a person."""
    if identity.identity is None:
        return None
    from eksauth.credentials.config.load import load_config
    from eksauth.credentials.config.select import find_identity
    from eksauth.credentials.identities.authenticate import authenticate

    # an entry may come from anybody, and nobody is about to use it: its configuration runs nothing here
    config = replace(
        load_config(environ, flag=identity.config, realm=identity.realm if identity.config else None), searched=True
    )
    return authenticate(config, find_identity(config, identity.identity), environ=environ, clock=clock).credentials


def _account(calls: AwsClients, region: str) -> str:
    with calls.translated("asking STS for the account"):
        return str(calls.client("sts", region).get_caller_identity().get("Account") or "")


def _describe(
    calls: AwsClients, account: str, targets: list[Target], progress: Callable[[int, int], None]
) -> dict[str, Answer]:
    ours = [target for target in targets if target.eks.account == account]
    answers = {
        target.entry: Answer(doubt=f"the credentials are those of account {account}, not {target.eks.account}")
        for target in targets
        if target.eks.account != account
    }
    found = describe_all(calls, [(target.eks.region, target.eks.cluster) for target in ours], progress=progress)
    clusters = {(cluster.region, cluster.name): cluster for cluster in found.clusters}
    failures = {(failure.region, failure.cluster): failure.error.message for failure in found.failures}
    for target in ours:
        place = (target.eks.region, target.eks.cluster)
        if place in clusters and clusters[place].account == account:
            answers[target.entry] = Answer(cluster=clusters[place])
        elif place in found.missing:
            answers[target.entry] = Answer(gone=True)
        else:
            answers[target.entry] = Answer(doubt=failures.get(place, "EKS answered for another account"))
    return answers
