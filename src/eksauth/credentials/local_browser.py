"""Whether a browser on this machine would be one that the person sees.

A sign-in that ends on a loopback port (RFC 8252) works only there. Over SSH, in a container or in a pipeline the page
has to be opened somewhere else, and a code typed into it; the AWS CLI leaves that choice to a flag.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping

_PIPELINE = "CI"
_SSH = ("SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT")
_CONTAINER_VARIABLES = ("container", "KUBERNETES_SERVICE_HOST", "REMOTE_CONTAINERS", "CODESPACES", "CLOUD_SHELL")
_CONTAINER_FILES = ("/.dockerenv", "/run/.containerenv")
_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")


def why_no_local_browser(
    environ: Mapping[str, str],
    *,
    platform: str = sys.platform,
    exists: Callable[[str], bool] = os.path.exists,
) -> str | None:
    """Return the reason why a browser here would be seen by nobody, for people, or None when there is none.

    :param platform: as ``sys.platform``.
    :param exists: tells whether a file exists.
    """
    if _any_set(environ, _SSH):
        return "this is an SSH session"
    if environ.get(_PIPELINE, "").lower() not in {"", "0", "false", "no"}:
        return "this is a pipeline (CI is set)"
    if _any_set(environ, _CONTAINER_VARIABLES) or any(exists(path) for path in _CONTAINER_FILES):
        return "this is a container"
    if platform not in {"darwin", "win32", "cygwin"} and not _any_set(environ, _DISPLAYS):
        return "there is no display"
    return None


def _any_set(environ: Mapping[str, str], names: tuple[str, ...]) -> bool:
    return any(environ.get(name) for name in names)
