"""Taking an identity out of a shell again."""

from __future__ import annotations

from collections.abc import Mapping

from eksauth.credentials.outer import MARK, SOURCES, memory_names, outer_environment
from eksauth.login.environment import Pointers

_OURS = ("EKSAUTH_IDENTITY", "EKSAUTH_CONFIG", "KUBE_CONFIG_PATH")


def undone(environ: Mapping[str, str]) -> Pointers:
    """Return what takes the variables of ``eksauth env`` away and puts back what was before.

    Where no identity is in the environment, nothing. Keys that were there before are not put back: nobody kept them.
    """
    if MARK not in environ:
        return Pointers()
    before = outer_environment(environ)
    back = {name: before[name] for name in SOURCES if name in before}
    gone = [name for name in (*SOURCES, *_OURS) if name in environ and name not in back]
    return Pointers(set=back, unset=(*gone, *memory_names(environ)))
