"""Many clusters in many regions at once; what fails in one region is reported and stops nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from eksauth.aws.cluster_info import ClusterInfo
from eksauth.aws.eks import ClusterNotFound, describe_cluster, list_clusters
from eksauth.aws.parallel import WORKERS, Parallel
from eksauth.errors import EksauthError

Progress = Callable[[int, int], None]
"""Told how many calls are done and how many are known of."""


class Calls(Protocol):
    """What makes calls: :class:`eksauth.credentials.clients.AwsClients`."""

    def client(self, service: str, region: str) -> Any:
        """Return a botocore client."""
        ...  # pragma: no cover

    def translated(self, doing: str) -> AbstractContextManager[None]:
        """Turn botocore's errors inside into :class:`EksauthError`."""
        ...  # pragma: no cover


@dataclass(frozen=True, slots=True)
class Failure:
    """A region that could not be listed, or a cluster (then with its name) that could not be described."""

    region: str
    cluster: str | None
    error: EksauthError


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found, sorted by region and name, and what could not be asked.

    :ivar missing: pairs of region and name that do not exist.
    """

    clusters: tuple[ClusterInfo, ...]
    failures: tuple[Failure, ...]
    missing: tuple[tuple[str, str], ...] = ()


def describe(calls: Calls, region: str, name: str) -> ClusterInfo:
    """Describe one cluster.

    :raises EksauthError: whichever kind says why not; :class:`ClusterNotFound` when there is none.
    """
    with calls.translated(f"describing cluster {name} in {region}"):
        return describe_cluster(calls.client("eks", region), name)


def list_names(calls: Calls, region: str) -> list[str]:
    """List the clusters of one region.

    :raises EksauthError: whichever kind says why not.
    """
    with calls.translated(f"listing the clusters of {region}"):
        return list_clusters(calls.client("eks", region))


def survey(
    calls: Calls, regions: Iterable[str], *, workers: int = WORKERS, progress: Progress = lambda _done, _known: None
) -> Survey:
    """Find and describe every cluster of ``regions``.

    Clusters that vanish between the two calls are left out.
    """
    surveyor = _Surveyor(calls, workers, progress)
    for region in dict.fromkeys(regions):
        surveyor.look(region)
    found = surveyor.run()
    return Survey(found.clusters, found.failures)


def describe_all(
    calls: Calls,
    pairs: Iterable[tuple[str, str]],
    *,
    workers: int = WORKERS,
    progress: Progress = lambda _done, _known: None,
) -> Survey:
    """Describe clusters given as pairs of region and name."""
    surveyor = _Surveyor(calls, workers, progress)
    for region, name in dict.fromkeys(pairs):
        surveyor.describe(region, name)
    return surveyor.run()


_Answer = tuple[str | None, list[str] | ClusterInfo]
"""The cluster asked about, None for a whole region; and what was found."""


class _Failed(Exception):
    def __init__(self, name: str | None, error: EksauthError) -> None:
        super().__init__(str(error))
        self.name = name
        self.error = error


class _Surveyor:
    def __init__(self, calls: Calls, workers: int, progress: Progress) -> None:
        self._calls = calls
        self._pool: Parallel[_Answer] = Parallel(workers)
        self._progress = progress
        self._known = 0

    def look(self, region: str) -> None:
        self._add(region, None, lambda: list_names(self._calls, region))

    def describe(self, region: str, name: str) -> None:
        self._add(region, name, lambda: describe(self._calls, region, name))

    def _add(self, region: str, name: str | None, ask: Callable[[], list[str] | ClusterInfo]) -> None:
        def call() -> _Answer:
            try:
                return name, ask()
            except EksauthError as error:
                raise _Failed(name, error) from None

        self._known += 1
        self._pool.add(region, call)

    def run(self) -> Survey:
        clusters: list[ClusterInfo] = []
        failures: list[Failure] = []
        missing: list[tuple[str, str]] = []
        done = 0
        with self._pool as pool:
            self._progress(0, self._known)
            for result in pool.results():
                done += 1
                if isinstance(result.error, _Failed):
                    name, error = result.error.name, result.error.error
                    if isinstance(error, ClusterNotFound) and name is not None:
                        missing.append((result.lane, name))
                    else:
                        failures.append(Failure(result.lane, name, error))
                elif result.error is not None:
                    raise result.error
                elif result.value is not None:
                    found = result.value[1]
                    if isinstance(found, ClusterInfo):
                        clusters.append(found)
                    else:
                        for name in found:
                            self.describe(result.lane, name)
                self._progress(done, self._known)
        return Survey(
            tuple(sorted(clusters, key=lambda cluster: (cluster.region, cluster.name))),
            tuple(sorted(failures, key=lambda failure: (failure.region, failure.cluster or ""))),
            tuple(sorted(missing)),
        )
