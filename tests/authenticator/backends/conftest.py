"""API servers for the tests of backends that watch: once for each worker, emptied before each test."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.authenticator.backends.clusters import (
    AWS_AUTH,
    ENTRIES,
    LEASES,
    MAPPINGS,
    Cluster,
    embedded_cluster,
    real_cluster,
)

from eksauth.sandbox.binaries import find_control_plane

CRDS = Path(__file__).parents[3] / "deploy" / "crds"


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


@pytest.fixture(scope="session", name="_definitions")
def definitions_(real_api: Cluster) -> None:
    """Install our custom resource definitions and wait until they are served."""
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    for definition in sorted(CRDS.glob("*.yaml")):
        real_api.make(definitions, yaml.safe_load(definition.read_text()))
    for path in (MAPPINGS, ENTRIES):
        while real_api.ask("GET", path)[0] != 200:
            time.sleep(0.05)


@pytest.fixture(name="custom")
def custom_(real: Cluster, _definitions: None) -> Cluster:
    """Give a real API server with our custom resource definitions and no objects of them."""
    for path in (MAPPINGS, ENTRIES, LEASES):
        real.delete(path)
    return real


def clean(cluster: Cluster) -> None:
    """Delete what a test before may have left."""
    cluster.delete(AWS_AUTH)
    for namespace in ("kube-system", "default"):
        cluster.delete(f"/api/v1/namespaces/{namespace}/events")
