"""Names that somebody may have meant; pure."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, names: Iterable[str], count: int = 3) -> list[str]:
    """Return names that look like ``name``: without regard to case, containing it, or spelled much the same."""
    from difflib import get_close_matches

    listed = list(names)
    folded = name.casefold()
    found = [other for other in listed if other.casefold() == folded]
    if len(folded) > 2:
        found += sorted((other for other in listed if folded in other.casefold()), key=len)
    # the last part of an ARN or a path is what people type
    tails = {other.rpartition("/")[2].casefold(): other for other in reversed(listed)}
    close = get_close_matches(folded, [other.casefold() for other in listed], 20, 0.7)
    close.sort(key=lambda other: -_common(folded, other))  # people go wrong late in a name
    by_folded = {other.casefold(): other for other in reversed(listed)}
    found += [by_folded[other] for other in close]
    found += [tails[other] for other in get_close_matches(folded, list(tails), count, 0.7)]
    return list(dict.fromkeys(found))[:count]


def _common(left: str, right: str) -> int:
    """Return how many letters two names begin with in common."""
    at = 0
    while at < min(len(left), len(right)) and left[at] == right[at]:
        at += 1
    return at
