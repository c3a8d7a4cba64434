"""Names that somebody may have meant, and names that a pattern means; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from eksauth.errors import ConfigError, UsageError


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


def no_such_context(name: str, names: Sequence[str]) -> ConfigError:
    """Return the error for a context that does not exist, with what may have been meant."""
    near = nearest(name, names)
    hint = f"did you mean {' or '.join(near)}" if near else "list them with eksauth ctx --list"
    if not names:
        hint = "there are no contexts; add some with eksauth kubeconfig update, or check KUBECONFIG"
    return ConfigError(f'context "{name}" does not exist', hint=hint, code="kubeconfig.no_context")


def select(patterns: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return the names that patterns choose, each once, in the order of ``names``.

    A pattern is a name, a glob (``prod-*``) or a regular expression between slashes (``/^prod/``); one that begins
    with ``!`` or ``^`` takes names away. Only such patterns: from all names.

    :raises UsageError: for a bad expression, and a pattern that takes nothing in.
    :raises ConfigError: for a plain name that does not exist.
    """
    wanted = [pattern for pattern in patterns if pattern[:1] not in {"!", "^"}]
    unwanted = [pattern[1:] for pattern in patterns if pattern[:1] in {"!", "^"}]
    chosen: set[str] = set() if wanted else set(names)
    for pattern in wanted:
        matching = _matching(pattern, names)
        if not matching:
            if pattern.strip("/") == pattern and not set(pattern) & set("*?["):
                raise no_such_context(pattern, names)
            raise UsageError(f"no context matches {pattern}", hint="list them with eksauth ctx --list", code="no_match")
        chosen |= matching
    for pattern in unwanted:
        chosen -= _matching(pattern, names)
    return [name for name in names if name in chosen]


def _matching(pattern: str, names: Sequence[str]) -> set[str]:
    if pattern in names:
        return {pattern}
    if len(pattern) > 1 and pattern[0] == pattern[-1] == "/":
        try:
            expression = re.compile(pattern[1:-1])
        except re.error as error:
            raise UsageError(f"{pattern} is no regular expression: {error.msg}", hint="see: pydoc re") from None
        return {name for name in names if expression.search(name)}
    return {name for name in names if fnmatchcase(name, pattern)}
