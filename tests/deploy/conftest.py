"""What tests of the deployment files share: helm where there is one, and a real API server where there is one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.deploy.chart import Chart, find_helm
from tests.deploy.cluster import Cluster, running_cluster

from eksauth.sandbox.binaries import find_control_plane, find_kubectl


@pytest.fixture(scope="session", name="chart")
def chart_() -> Chart:
    """Give the chart with a helm that renders it."""
    helm = find_helm()
    if helm is None:
        pytest.skip("no helm here; TEST_ASSET_HELM can name one")
    return Chart(helm)


@pytest.fixture(scope="session", name="cluster")
def cluster_(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Run etcd and a kube-apiserver with RBAC and an audit log."""
    programs, kubectl = find_control_plane(), find_kubectl()
    if programs is None or kubectl is None:
        pytest.skip("no kube-apiserver, etcd and kubectl here; KUBEBUILDER_ASSETS can name their directory")
    with running_cluster(programs, kubectl, tmp_path_factory.mktemp("deploy-cluster")) as cluster:
        yield cluster
