"""Times as SigV4 writes them, and spans as people read them. Pure."""

from __future__ import annotations

import calendar

_DIGITS = frozenset("0123456789")


def epoch_of_amz_date(text: str) -> int | None:
    """Return seconds since the epoch for ``YYYYMMDDTHHMMSSZ``, or None; years before 1 and leap seconds are refused."""
    if len(text) != 16 or text[8] != "T" or text[15] != "Z" or not _DIGITS.issuperset(text[:8] + text[9:15]):
        return None
    year, month, day = int(text[:4]), int(text[4:6]), int(text[6:8])
    hour, minute, second = int(text[9:11]), int(text[11:13]), int(text[13:15])
    if year == 0 or not 1 <= month <= 12 or hour > 23 or minute > 59 or second > 59:
        return None
    if not 1 <= day <= calendar.monthrange(year, month)[1]:
        return None
    return calendar.timegm((year, month, day, hour, minute, second))


def spell_seconds(seconds: float) -> str:
    """Return a span of time for people: ``40 seconds``, ``12 minutes``, ``3 hours``, ``2 days``."""
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {unit}s"
    count = max(1, int(seconds))
    return "1 second" if count == 1 else f"{count} seconds"
