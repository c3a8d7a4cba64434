"""``/readyz`` without some of its checks."""

from __future__ import annotations

import pytest
from multidict import MultiDict

from eksauth.authenticator.server.readiness_answer import readiness_answer
from eksauth.authenticator.server.reports import Check, Readiness

STS_DOWN = Readiness(
    ready=False, checks=[Check("backends", ok=True, detail="2 entries"), Check("sts", ok=False, detail="no answers")]
)


@pytest.mark.parametrize(
    "query, status",
    [
        pytest.param([], 503, id="all"),
        pytest.param([("exclude", "sts")], 200, id="without STS"),
        pytest.param([("exclude", "backends")], 503, id="without another"),
        pytest.param([("exclude", "backends"), ("exclude", "sts")], 200, id="without both"),
        pytest.param([("exclude", "")], 503, id="without nothing"),
        pytest.param([("exclude", "sts,backends")], 503, id="one name each"),
    ],
)
def test_checks_can_be_left_out(query: list[tuple[str, str]], status: int) -> None:
    """What is excluded is not judged; everything else still is."""
    assert readiness_answer(STS_DOWN, MultiDict(query)).status == status


def test_what_is_excluded_is_still_told() -> None:
    """With verbose the answer says what would have been wrong."""
    body = readiness_answer(STS_DOWN, MultiDict([("verbose", ""), ("exclude", "sts")])).body
    assert b"excluded: no answers" in bytes(body)  # type: ignore[arg-type]  # of this answer it is bytes


def test_no_report_is_never_ready() -> None:
    """A server that cannot say anything about itself is not ready, whatever is excluded."""
    assert readiness_answer(Readiness(ready=False, checks=[]), MultiDict([("exclude", "sts")])).status == 503
