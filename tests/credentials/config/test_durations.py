"""Durations as Atmos and Go write them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eksauth.credentials.config.durations import PATTERN, parse_duration, show_duration


@pytest.mark.parametrize(
    "text, seconds",
    [
        pytest.param("3600", 3600, id="seconds"),
        pytest.param("1h30m", 5400, id="go"),
        pytest.param("1.5h", 5400, id="go with a fraction"),
        pytest.param("90m0s", 5400, id="go as it prints itself"),
        pytest.param("2d", 172800, id="days"),
        pytest.param("1d12h", 129600, id="days and hours"),
        pytest.param("1500ms", 1, id="milliseconds, rounded down"),
        pytest.param("2000000µs", 2, id="microseconds"),
    ],
)
def test_a_duration_is_seconds(text: str, seconds: int) -> None:
    """Seconds, Go's form and days all become whole seconds."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "0", "0s", "-1h", "+1h", "1h 30m", "h", "1.", "1y", "1H", "\uff11h", "1e3", "inf", "9" * 50, "4000d", "1h\n"],
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    """Nothing, less than nothing, other units, other digits and ages are refused; one second is the least."""
    with pytest.raises(ValueError, match="must be a duration"):
        parse_duration(text)


@given(st.integers(1, 10**8))
def test_what_is_shown_can_be_read(seconds: int) -> None:
    """A duration as it is shown means the same when it is read."""
    assert parse_duration(show_duration(seconds)) == seconds


@given(st.text("0123456789.hmsdnuµ", max_size=12))
def test_the_pattern_for_editors_agrees(text: str) -> None:
    """What the reader takes has the form that editors check."""
    try:
        parse_duration(text)
    except ValueError:
        return
    assert re.search(PATTERN, text)
