"""Points in time, as people read them."""

from __future__ import annotations

from eksauth.token.bearer import utc_text


def until(at: float | None, now: float) -> str:
    """Return when something ends, with how long that is from ``now``; epoch seconds, None means never."""
    return "without end" if at is None else f"{utc_text(int(at))} ({remaining(at - now)})"


def remaining(seconds: float) -> str:
    """Return a duration in the two largest units that matter."""
    if seconds <= 0:
        return "over"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 1:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 1:
        return f"{minutes} min"
    days, hours_left = divmod(hours, 24)
    return f"{days} d {hours_left} h" if days else f"{hours} h {minutes} min"


def iso(at: float | None) -> str | None:
    """Return a time for machines, RFC 3339 in UTC; None stays None."""
    return None if at is None else utc_text(int(at))
