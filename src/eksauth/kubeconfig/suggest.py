"""Contexts that somebody may have meant, and contexts that a pattern means; pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

from eksauth.errors import ConfigError, UsageError
from eksauth.spelling import nearest


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
