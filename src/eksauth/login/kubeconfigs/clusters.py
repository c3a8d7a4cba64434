"""Asking EKS about the clusters that follow identities: all at once, each with the credentials of its own identity."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from eksauth.aws.cluster_info import ClusterInfo
from eksauth.aws.eks_survey import Progress
from eksauth.aws.parallel import Parallel
from eksauth.credentials.config.model import EksIntegration, Identity
from eksauth.credentials.model import Credentials
from eksauth.errors import ConfigError, CredentialsError, EksauthError, UsageError
from eksauth.kubeconfig.asker import Asker
from eksauth.kubeconfig.update_clusters import find_one
from eksauth.token.checks import check_region


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A cluster that shall be in a kubeconfig.

    :ivar credentials: EKS is asked with them; they are those of ``identity`` unless the integration names another one.
    :ivar endpoint_url: where EKS is asked instead of its own address, or None.
    :ivar error: why there are no credentials to ask with.
    """

    integration: EksIntegration
    identity: Identity
    credentials: Credentials | None = field(repr=False)
    endpoint_url: str | None = None
    error: EksauthError | None = None


@dataclass(frozen=True, slots=True)
class Described:
    """What EKS said about one of them: the cluster, or why there is none."""

    wanted: Wanted
    cluster: ClusterInfo | None = None
    error: EksauthError | None = None


def describe_wanted(
    wanted: Iterable[Wanted],
    *,
    environ: Mapping[str, str],
    clock: Callable[[], float] = time.time,
    progress: Progress = lambda _done, _known: None,
) -> list[Described]:
    """Ask about every cluster and return the answers in the order of the questions; nothing is raised for one of them.

    :param progress: told how many calls are done and known of.
    """
    asked = list(wanted)
    answers: dict[int, Described] = {}

    def ask(number: int, each: Wanted) -> tuple[int, Described]:
        try:
            return number, Described(each, _describe(each, environ, clock))
        except EksauthError as error:
            return number, Described(each, error=error)

    with Parallel[tuple[int, Described]]() as pool:
        for number, each in enumerate(asked):
            pool.add(each.integration.region, lambda number=number, each=each: ask(number, each))  # type: ignore[misc]
        for done in pool.results():
            if done.error is not None or done.value is None:
                raise done.error or AssertionError
            answers[done.value[0]] = done.value[1]
            progress(len(answers), len(asked))
    return [answers[number] for number in sorted(answers)]


def _describe(wanted: Wanted, environ: Mapping[str, str], clock: Callable[[], float]) -> ClusterInfo:
    if wanted.credentials is None:
        raise wanted.error or CredentialsError("there are no credentials to ask EKS with")
    integration = wanted.integration
    place = integration.place

    def here(message: str, **details: str | None) -> ConfigError:
        return ConfigError(f"{place}: {message}", **details)

    check_region(integration.region, here)
    asker = Asker(
        environ=environ,
        region=integration.region,
        profile=None,
        role=None,
        endpoint_url=wanted.endpoint_url,
        interactive=False,
        clock=clock,
        credentials=wanted.credentials,
    )
    try:
        found = find_one(
            asker, integration.cluster_name, wait=False, waiting=lambda _cluster, _seconds: None, sleep=time.sleep
        )
    except UsageError as error:  # nobody typed it here: the configuration says so
        raise here(error.message, hint=error.hint) from None
    finally:
        asker.close()
    return found.clusters[0]
