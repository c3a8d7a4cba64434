"""Finding names by some of their letters, as fuzzy finders do; pure."""

from __future__ import annotations

from collections.abc import Sequence

_SEPARATORS = frozenset("-_./:@ ")


def score(query: str, name: str) -> int | None:
    """Return how well ``name`` fits, higher is better; None when it lacks a letter.

    Every word of ``query`` has to occur: as a part of the name best, at the start of a word better still, else as
    letters in the same order, the closer together the better. Case does not matter.
    """
    folded, total = name.casefold(), 0
    for word in query.casefold().split():
        best = _substring(word, folded)
        if best is None:
            best = _letters(word, folded)
        if best is None:
            return None
        total += best
    return total


def matching(query: str, names: Sequence[str]) -> list[int]:
    """Return the indexes of the names that fit, the best first, else in their order."""
    if not query.strip():
        return list(range(len(names)))
    scored = [(index, score(query, name)) for index, name in enumerate(names)]
    found = [(-points, len(names[index]), index) for index, points in scored if points is not None]
    return [index for _, _, index in sorted(found)]


def _substring(word: str, name: str) -> int | None:
    best, at = None, name.find(word)
    while at >= 0:
        begins = at == 0 or name[at - 1] in _SEPARATORS
        end = at + len(word)
        ends = end == len(name) or name[end] in _SEPARATORS
        points = 1000 + 100 * begins + 50 * ends + 10 * len(word)
        best = points if best is None else max(best, points)
        at = name.find(word, at + 1)
    return best


def _letters(word: str, name: str) -> int | None:
    points, at, before = 0, -1, -2
    for letter in word:
        at = name.find(letter, at + 1)
        if at < 0:
            return None
        points += 8 if at == before + 1 else 0
        points += 6 if at == 0 or name[at - 1] in _SEPARATORS else 1
        before = at
    return points
