"""AWS on loopback for the chains of this directory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.credentials.identities.kit import Place
from tests.e2e.loopback_aws import LoopbackAws, loopback_aws


@pytest.fixture(scope="module", name="loopback")
def loopback_(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackAws]:
    """Run AWS for a whole module."""
    with loopback_aws(tmp_path_factory.mktemp("aws")) as running:
        yield running


@pytest.fixture(name="place")
def place_(loopback: LoopbackAws, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """Point this test's AWS clients at it, with an empty request log and a place for a configuration."""
    for name, value in loopback.environ.items():
        if name != "AWS_REGION":
            monkeypatch.setenv(name, value)
    loopback.cloud.log.clear()
    loopback.cloud.clock_offset = 0.0
    yield Place(loopback, home / "eksauth.yaml")
    loopback.cloud.faults.clear()
    loopback.cloud.clock_offset = 0.0
