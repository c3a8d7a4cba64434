"""Points in time, as people read them."""

from __future__ import annotations

from eksauth.token.bearer import utc_text


def until(at: float | None, now: float) -> str:
    """Return when something ends, with how long that is from ``now``; epoch seconds, None means never."""
    return "without end" if at is None else f"{utc_text(int(at))} ({remaining(at - now)})"


def remaining(seconds: float) -> str:
    """Return a duration as ``45s``, ``59m``, ``11h59m`` or ``3d4h``."""
    if seconds <= 0:
        return "over"
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86400}d{whole % 86400 // 3600}h"


def iso(at: float | None) -> str | None:
    """Return a time for machines, RFC 3339 in UTC; None stays None."""
    return None if at is None else utc_text(int(at))
