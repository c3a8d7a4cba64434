"""The files in examples/ are without a fault, for our own linter and for an API server."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.deploy.chart import DEPLOY, crds, manifests
from tests.deploy.cluster import Cluster

from eksauth.authenticator.check import check_file

EXAMPLES = sorted((DEPLOY.parent / "examples").glob("*.yaml"))
OBJECTS = [path for path in EXAMPLES if path.read_text().count("\napiVersion:")]
FILES = [path for path in EXAMPLES if not path.stem.endswith("-objects")]


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_check_config_finds_nothing(path: Path) -> None:
    """Neither errors nor warnings, and the file is known for what it is."""
    report = check_file(path, partition=None)
    assert report.findings == ()
    assert report.entries > 0


@pytest.mark.peer
@pytest.mark.parametrize("path", OBJECTS, ids=[path.stem for path in OBJECTS])
def test_an_api_server_takes_them(cluster: Cluster, path: Path) -> None:
    """Objects pass the schemas and rules of the cluster."""
    cluster.apply(crds())
    cluster.established()
    cluster.would_take(manifests(path.read_text()))


def test_there_are_some_of_both() -> None:
    """A glob that finds nothing tests nothing."""
    assert len(FILES) == 3
    assert len(OBJECTS) == 3
