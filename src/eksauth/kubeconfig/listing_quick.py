"""The plain list of contexts by scanning, for files in kubectl's layout; see :mod:`eksauth.kubeconfig.listing`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple

from eksauth.kubeconfig.quick import quick_merge


class Line(NamedTuple):
    """One context as the plain table shows it; ``file`` as the environment names it."""

    name: str
    current: bool
    cluster: str
    user: str
    namespace: str
    owned: bool
    file: str


def quick_list(environ: Mapping[str, str], patterns: Iterable[str] = ()) -> tuple[list[Line], bool] | None:
    """Return the contexts that fit and whether there are any at all; None when the real reader has to look."""
    quick = quick_merge(environ)
    if quick is None:
        return None
    files: dict[str, str] = {}
    for path, scan in quick.scans:
        for context in scan.contexts:
            files.setdefault(context.name, path)
    wanted = tuple(patterns)
    lines = []
    for name in quick.names():
        if not wanted or fits(name, wanted):
            found = quick.contexts[name]
            current = name == quick.current
            lines.append(Line(name, current, found.cluster, found.user, found.namespace, found.owned, files[name]))
    return lines, bool(quick.contexts)


def fits(name: str, patterns: Iterable[str]) -> bool:
    """Tell whether a name is one of ``patterns`` or fits one as a shell pattern."""
    return any(name == pattern or fnmatchcase(name, pattern) for pattern in patterns)
