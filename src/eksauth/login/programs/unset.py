"""Taking an identity out of a shell again."""

from __future__ import annotations

from collections.abc import Mapping

from eksauth.credentials.outer import MARK, PREFIX, SOURCES, companions, memory_names
from eksauth.login.programs.environment import Pointers


def undone(environ: Mapping[str, str]) -> Pointers:
    """Return what takes the variables of ``eksauth env`` away and puts back what was before.

    Where no identity is in the environment, nothing. Keys that were there before are not put back: nobody kept them.
    """
    if MARK not in environ:
        return Pointers()
    names = (*SOURCES, *companions(environ))
    back = {name: environ[PREFIX + name] for name in names if PREFIX + name in environ}
    gone = [name for name in names if name in environ and name not in back]
    return Pointers(set=back, unset=(*gone, *memory_names(environ)))
