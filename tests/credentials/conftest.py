"""The loopback STS as a fixture."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.credentials.fake_sts import FakeSts, fake_sts


@pytest.fixture
def sts(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSts]:
    """Run a fake STS and point the AWS clients of this test at it."""
    with fake_sts() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)
        yield server
