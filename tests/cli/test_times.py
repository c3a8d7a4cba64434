"""Points in time as people read them."""

from __future__ import annotations

import pytest

from eksauth.cli.times import iso, remaining, until


@pytest.mark.parametrize(
    "seconds, text",
    [
        (-5, "over"),
        (0, "over"),
        (0.5, "0s"),
        (59, "59s"),
        (60, "1m"),
        (3599, "59m"),
        (3600, "1h00m"),
        (86399, "23h59m"),
        (90000, "1d1h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    """The two largest units, and never more than is left."""
    assert remaining(seconds) == text


def test_ends() -> None:
    """UTC with the time that is left; credentials that do not end say so."""
    assert until(1_000_060, 1_000_000) == "1970-01-12T13:47:40Z (1m)"
    assert until(None, 0) == "without end"
    assert (iso(None), iso(1_000_060)) == (None, "1970-01-12T13:47:40Z")
