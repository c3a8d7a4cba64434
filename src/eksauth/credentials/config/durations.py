"""Lengths of time as people write them: seconds, Go's ``1h30m``, and days."""

from __future__ import annotations

import re

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
PATTERN = r"^([0-9]+(\.[0-9]+)?|([0-9]+(\.[0-9]+)?(ns|us|µs|μs|ms|s|m|h|d))+)$"
"""The same as a regular expression, for editors."""
_WHOLE = re.compile(PATTERN)
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ns|us|µs|μs|ms|s|m|h|d)")
_LONGEST = 3650 * 86400


def parse_duration(text: str) -> int:
    """Return seconds, at least one.

    Takes what Atmos takes: whole seconds (``3600``), Go durations (``1h30m``, ``1.5h``) and days (``2d``).

    :raises ValueError: for anything else, for nothing or less than nothing, and for more than ten years.
    """
    if len(text) > 40 or _WHOLE.fullmatch(text) is None:
        raise ValueError("must be a duration such as 3600, 1h30m or 2d")
    parts = _PART.findall(text)
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts) if parts else float(text)
    if not 1 <= seconds <= _LONGEST:
        raise ValueError("must be a duration from one second to ten years")
    return int(seconds)


def show_duration(seconds: int) -> str:
    """Return seconds as people write them: ``1h30m``, ``45s``."""
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    shown = "".join(f"{number}{unit}" for number, unit in ((hours, "h"), (minutes, "m"), (left, "s")) if number)
    return shown or "0s"
