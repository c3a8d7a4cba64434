"""API servers for the tests of backends that watch: once for each worker, emptied before each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.authenticator.backends.clusters import AWS_AUTH, Cluster, embedded_cluster, real_cluster

from eksauth.sandbox.binaries import find_control_plane


@pytest.fixture(scope="session", name="real_api")
def real_api_(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Run a real kube-apiserver."""
    programs = find_control_plane()
    if programs is None:
        pytest.skip("no kube-apiserver and etcd here; KUBEBUILDER_ASSETS can name their directory")
    with real_cluster(tmp_path_factory.mktemp("kube"), programs) as cluster:
        yield cluster


@pytest.fixture(scope="session", name="embedded_api")
def embedded_api_(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Run the embedded API server."""
    with embedded_cluster(tmp_path_factory.mktemp("embedded")) as cluster:
        yield cluster


@pytest.fixture(params=["embedded", pytest.param("real", marks=[pytest.mark.peer, pytest.mark.slow])], name="cluster")
def cluster_(request: pytest.FixtureRequest) -> Cluster:
    """Give an API server without aws-auth and without events."""
    cluster: Cluster = request.getfixturevalue(f"{request.param}_api")
    clean(cluster)
    return cluster


@pytest.fixture(name="real")
def real_(real_api: Cluster) -> Cluster:
    """Give a real API server without aws-auth and without events."""
    clean(real_api)
    return real_api


def clean(cluster: Cluster) -> None:
    """Delete what a test before may have left."""
    cluster.delete(AWS_AUTH)
    for namespace in ("kube-system", "default"):
        cluster.delete(f"/api/v1/namespaces/{namespace}/events")
