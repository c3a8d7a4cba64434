"""Which items of a list are the same items in another version of it."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

from eksauth.kubeconfig.tree import same

Step = tuple[int | None, int | None]


def align(old: list[Any], new: list[Any]) -> list[Step]:
    """Return steps (index in old, index in new) that turn ``old`` into ``new``, in order.

    None on the left is an added item, None on the right a removed one. Items are the same when they are one object, are
    equal, or carry the same ``name``; where an item goes and another comes in one place, it is a changed one. Where
    items changed their order, as many as possible stay and the others are removed and added again.
    """
    partner = _in_order(_partners(old, new))
    steps: list[Step] = []
    taken = {index for index in partner if index is not None}
    position = 0
    for index, target in enumerate(partner):
        if target is None:
            if position < len(new) and position not in taken:
                steps.append((index, position))
                position += 1
            else:
                steps.append((index, None))
            continue
        steps += [(None, other) for other in range(position, target)]
        steps.append((index, target))
        position = target + 1
    return steps + [(None, other) for other in range(position, len(new))]


def _in_order(partner: list[int | None]) -> list[int | None]:
    """Keep a longest rising subsequence of the matches and forget the others."""
    tails: list[int] = []  # tails[k]: where a rising run of k + 1 matches ends lowest
    lowest: list[int] = []  # what those match
    before: dict[int, int | None] = {}
    for index, target in enumerate(partner):
        if target is None:
            continue
        place = bisect_left(lowest, target)
        before[index] = tails[place - 1] if place else None
        tails[place : place + 1] = [index]
        lowest[place : place + 1] = [target]
    kept: set[int] = set()
    last = tails[-1] if tails else None
    while last is not None:
        kept.add(last)
        last = before[last]
    return [target if index in kept else None for index, target in enumerate(partner)]


def _partners(old: list[Any], new: list[Any]) -> list[int | None]:
    if len(old) <= len(new) and all(item is new[index] for index, item in enumerate(old)):
        return list(range(len(old)))
    objects = {id(item): index for index, item in enumerate(new) if isinstance(item, (dict, list))}
    names = {_name(item): index for index, item in reversed(list(enumerate(new))) if _name(item) is not None}
    free = set(range(len(new)))
    found: list[int | None] = [None] * len(old)
    for rule in (lambda item: objects.get(id(item)), lambda item: names.get(_name(item)) if _name(item) else None):
        for index, item in enumerate(old):
            target = rule(item) if found[index] is None else None
            if target is not None and target in free:
                found[index] = target
                free.discard(target)
    return _match_equal(old, new, found, free)


def _match_equal(old: list[Any], new: list[Any], found: list[int | None], free: set[int]) -> list[int | None]:
    """Match what is equal, in order, between the matches there are."""
    floor = 0
    ceilings = _lowest_behind(found, len(new))
    for index, item in enumerate(old):
        if found[index] is not None:
            floor = (found[index] or 0) + 1
            continue
        for target in range(floor, ceilings[index]):
            if target in free and same(item, new[target]):
                found[index] = target
                free.discard(target)
                floor = target + 1
                break
    return found


def _lowest_behind(found: list[int | None], end: int) -> list[int]:
    """Return for each place the lowest match behind it, or ``end``."""
    lowest = [end] * len(found)
    for index in range(len(found) - 1, 0, -1):
        target = found[index]
        lowest[index - 1] = lowest[index] if target is None else min(lowest[index], target)
    return lowest


def _name(item: Any) -> str | None:
    name = item.get("name") if isinstance(item, dict) else None
    return name if isinstance(name, str) else None
