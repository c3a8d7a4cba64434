"""Times in text against the datetime module."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from eksauth.credentials.timestamps import epoch_of

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes)))


@given(st.datetimes(dt.datetime(1971, 1, 1), dt.datetime(9999, 12, 30), timezones=ZONES))
def test_iso_times_are_datetimes(moment: dt.datetime) -> None:
    """Every ISO 8601 time with a zone is the epoch second that datetime says."""
    moment = moment.replace(microsecond=0)
    assert epoch_of(moment.isoformat()) == int(moment.timestamp())


@given(
    st.text(max_size=30) | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}.?", fullmatch=True)
)
def test_anything_else_is_none_or_a_number(text: str) -> None:
    """No text makes it raise."""
    assert isinstance(epoch_of(text), int | None)
