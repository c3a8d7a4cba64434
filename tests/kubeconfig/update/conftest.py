"""A fresh set of clusters for every test, behind one endpoint for all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.kubeconfig.update.eks_lab import Lab, running_endpoint

from eksauth.sandbox.aws.endpoint import AwsEndpoint
from eksauth.sandbox.binaries import find_kubectl


@pytest.fixture(scope="session", name="shared_endpoint")
def shared_endpoint_() -> Iterator[AwsEndpoint]:
    """Run one endpoint for all tests; its seed takes a second to plant."""
    with running_endpoint() as endpoint:
        yield endpoint


@pytest.fixture(name="lab")
def lab_(
    shared_endpoint: AwsEndpoint,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Lab:
    """Return an EKS without clusters and faults, and an environment with alice's keys."""
    cloud = shared_endpoint.cloud
    cloud.faults.clear()
    cloud.log.clear()
    for cluster in cloud.clusters.everything():
        cloud.clusters.remove(cluster.account, cluster.region, cluster.name)
    assert shared_endpoint.ca_pem is not None
    ca_file = tmp_path / "aws-ca.pem"
    ca_file.write_bytes(shared_endpoint.ca_pem)
    environ = {
        "AWS_ENDPOINT_URL": shared_endpoint.url,
        "AWS_CA_BUNDLE": str(ca_file),
        "AWS_REGION": "us-west-2",
        "AWS_DEFAULT_REGION": "us-west-2",
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    lab = Lab(shared_endpoint, home, environ, capsys)
    lab.sign_in("alice", monkeypatch.setenv)
    return lab


@pytest.fixture(name="kubectl")
def kubectl_() -> Path:
    """Find a plain kubectl."""
    found = find_kubectl()
    if found is None:
        pytest.skip("no kubectl here")
    return found
