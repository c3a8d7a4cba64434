"""Finding the clusters of an update: one by name with all that can go wrong, or every one of the account."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches

from eksauth.aws.cluster_info import COMING, USABLE, ClusterInfo, parse_cluster_arn
from eksauth.aws.eks import ClusterNotFound
from eksauth.aws.eks_survey import Failure, Progress, Survey, describe, describe_all, list_names, survey
from eksauth.aws.partitions import AWS, partition_of_region
from eksauth.aws.regions import Regions, enabled_regions
from eksauth.credentials.clients import AwsClients
from eksauth.errors import AwsError, AwsUnreachable, EksauthError, UsageError
from eksauth.kubeconfig.asker import Asker
from eksauth.token.checks import check_cluster_id, check_region

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 20.0
WAIT_SECONDS = 45 * 60.0
"""How long ``--wait`` waits: creating a cluster takes ten to twenty minutes."""
_SINGLE_ATTEMPTS, _SEARCH_ATTEMPTS = 3, 1
_SEARCH_TIMEOUT_SECONDS = 2.0

Waiting = Callable[[ClusterInfo, float], None]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A cluster that gets no entry, and why."""

    cluster: ClusterInfo
    reason: str


@dataclass(frozen=True, slots=True)
class Find:
    """Clusters that can have entries, clusters that cannot, and what could not be asked."""

    clusters: tuple[ClusterInfo, ...]
    skipped: tuple[Skipped, ...] = ()
    failures: tuple[Failure, ...] = ()


def find_one(asker: Asker, name: str, *, wait: bool, waiting: Waiting, sleep: Callable[[float], None]) -> Find:
    """Return the cluster called ``name`` (or of that ARN), ready for use.

    :raises EksauthError: whichever kind says why not; when there is none of that name, with the nearest ones.
    """
    arn = parse_cluster_arn(name)
    if arn is not None:
        region, wanted = arn[0].region, arn[1]
        if asker.region_flag and asker.region_flag != region:
            raise UsageError(
                f"--region {asker.region_flag} contradicts the ARN, which is in {region}", hint="leave --region out"
            )
        check_region(region)
    else:
        check_cluster_id(name)
        region, wanted = asker.region(), name
    calls = asker.clients(attempts=_SINGLE_ATTEMPTS)
    try:
        cluster = describe(calls, region, wanted)
    except ClusterNotFound as error:
        if arn is not None and asker.unverified_account() not in {None, arn[0].account}:
            raise _other_account(asker.unverified_account() or "", arn[0].account) from None
        raise _not_found(asker, calls, region, wanted) or error from None
    if arn is not None and cluster.arn != str(arn[0]):
        raise _other_account(cluster.account, arn[0].account)
    if wait and problem_with(cluster) and _may_come(cluster):
        cluster = _wait_for(calls, cluster, waiting=waiting, sleep=sleep)
    problem = problem_with(cluster)
    if problem is not None:
        raise AwsError(problem[0], hint=problem[1], code="eks.status")
    return Find((cluster,))


def find_all(
    asker: Asker,
    regions: Sequence[str],
    *,
    wait: bool,
    progress: Progress,
    waiting: Waiting,
    sleep: Callable[[float], None],
) -> Find:
    """Return every cluster of the account in ``regions``, or in all enabled regions.

    :raises EksauthError: when nothing at all could be asked.
    """
    chosen = Regions(tuple(dict.fromkeys(regions)), certain=True) if regions else _regions(asker)
    calls = asker.clients(attempts=5)
    found = survey(calls, chosen.names, progress=progress)
    failures = _real_failures(found, chosen)
    clusters: list[ClusterInfo] = []
    skipped: list[Skipped] = []
    for each in found.clusters:
        cluster = each
        problem = problem_with(cluster)
        if problem is not None and wait and _may_come(cluster):
            cluster = _wait_for(calls, cluster, waiting=waiting, sleep=sleep)
            problem = problem_with(cluster)
        if problem is None:
            clusters.append(cluster)
        else:
            skipped.append(Skipped(cluster, problem[0]))
    return Find(tuple(clusters), tuple(skipped), failures)


def problem_with(cluster: ClusterInfo) -> tuple[str, str] | None:
    """Return why a cluster cannot have an entry, and what to do about it; None when it can."""
    name = f"cluster '{cluster.name}' in {cluster.region}"
    texts = (cluster.name, cluster.arn, cluster.endpoint, cluster.version, cluster.local_id or "")
    if not all(text.isprintable() for text in texts):
        return f"what answers for {name} sends control characters", "check AWS_ENDPOINT_URL"
    if cluster.connector is not None:
        return (
            f"{name} is a connected cluster ({cluster.connector}), which EKS only shows",
            "get a kubeconfig from its own provider",
        )
    if cluster.status in COMING:
        return f"{name} is {cluster.status}", "add --wait, or try again when it is ACTIVE"
    if cluster.status not in USABLE:
        hint = "its API server is going away" if cluster.status == "DELETING" else "see its health in the EKS console"
        return f"{name} is {cluster.status}", hint
    for what, value in (("endpoint", cluster.endpoint), ("certificate authority", cluster.ca_data)):
        if not value:
            return f"EKS gives no {what} for {name}", "add --wait, or try again later"
    if not cluster.endpoint.startswith("https://"):
        return f"the endpoint that EKS gives for {name} is no https URL", "check AWS_ENDPOINT_URL"
    try:
        b64decode(cluster.ca_data, validate=True)
    except binascii.Error:
        return f"the certificate authority that EKS gives for {name} is not base64", "check AWS_ENDPOINT_URL"
    return None


def _may_come(cluster: ClusterInfo) -> bool:
    lacking = not cluster.endpoint or not cluster.ca_data
    return cluster.connector is None and (cluster.status in COMING or (cluster.status in USABLE and lacking))


def _wait_for(
    calls: AwsClients, cluster: ClusterInfo, *, waiting: Waiting, sleep: Callable[[float], None]
) -> ClusterInfo:
    waited, pause = 0.0, FIRST_PAUSE_SECONDS
    while _may_come(cluster) and waited < WAIT_SECONDS:
        waiting(cluster, waited)
        sleep(pause)
        waited += pause
        pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)
        try:
            cluster = describe(calls, cluster.region, cluster.name)
        except AwsUnreachable:  # a network that comes and goes is no reason to give up
            continue
    return cluster


def _regions(asker: Asker) -> Regions:
    hinted = asker.settings.region
    partition = (partition_of_region(hinted) if hinted else None) or AWS
    calls = asker.clients(attempts=2)
    return enabled_regions(calls.client, partition)


def _real_failures(found: Survey, regions: Regions) -> tuple[Failure, ...]:
    """Return the failures that matter.

    A region that is not enabled does not know the access key; that is no failure where nobody asked for it.

    :raises EksauthError: the common reason when every region failed.
    """
    answered = set(regions.names) - {failure.region for failure in found.failures if failure.cluster is None}
    if not answered and found.failures:
        first = found.failures[0].error
        if len(regions.names) == 1 or all(_alike(first, failure.error) for failure in found.failures):
            raise first
    if regions.certain or not answered:
        return found.failures
    return tuple(
        failure
        for failure in found.failures
        if failure.cluster is not None or failure.error.code != "credentials.unknown_key"
    )


def _alike(left: EksauthError, right: EksauthError) -> bool:
    return type(left) is type(right) and left.code == right.code


def _other_account(ours: str, theirs: str) -> AwsError:
    return AwsError(
        f"these credentials belong to account {ours}, and the ARN to {theirs}",
        hint=f"use a profile of account {theirs}, or --assume-role-arn with a role there",
        code="eks.other_account",
    )


def _not_found(asker: Asker, calls: AwsClients, region: str, name: str) -> EksauthError | None:
    """Return a better error for a cluster that is not there: the nearest name, or the region where it is."""
    try:
        names = list_names(calls, region)
    except EksauthError:
        names = []
    near = get_close_matches(name, names, 1) or [known for known in names if known.lower() == name.lower()]
    elsewhere: list[str] = []
    with suppress(EksauthError):
        # only for a better hint: nobody waits long for regions that a firewall hides
        search = asker.clients(attempts=_SEARCH_ATTEMPTS, connect_timeout=_SEARCH_TIMEOUT_SECONDS)
        others = [
            other
            for other in enabled_regions(search.client, partition_of_region(region) or AWS).names
            if other != region
        ]
        elsewhere = [cluster.region for cluster in describe_all(search, [(other, name) for other in others]).clusters]
    if elsewhere:
        hint = f"there is one in {', '.join(elsewhere)}: use --region {elsewhere[0]}"
    elif near:
        hint = f"did you mean {near[0]}"
    elif names:
        hint = f"these exist: {', '.join(sorted(names)[:8])}{', …' if len(names) > 8 else ''}"
    else:
        hint = "check the name, the region and the account: 'aws sts get-caller-identity' shows the latter"
    return ClusterNotFound(f"there is no cluster '{name}' in {region}", hint=hint)
