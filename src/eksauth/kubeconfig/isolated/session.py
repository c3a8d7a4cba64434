"""Being inside an isolated shell or command: which kubeconfig is its own, and which ones it was taken from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from eksauth.errors import Refused
from eksauth.kubeconfig.isolated.overlay import DEPTH, ORIGINAL, OVERLAY, Overlay, replace_content, single_context
from eksauth.kubeconfig.paths import Files, kubeconfig_files
from eksauth.kubeconfig.previous import read_previous, remember_previous
from eksauth.kubeconfig.resolve import Merged, load_merged


@dataclass(frozen=True, slots=True)
class Session:
    """An isolated shell or command that this process runs in.

    :ivar overlay: its private kubeconfig.
    :ivar original: the value of ``KUBECONFIG`` outside, absolute.
    """

    overlay: Overlay
    original: str

    def files(self) -> Files:
        """Return the files outside."""
        return kubeconfig_files({"KUBECONFIG": self.original})


def current_session(environ: Mapping[str, str]) -> Session | None:
    """Return the session, or None outside; ``KUBECONFIG`` set to something else by hand ends it."""
    own, original = environ.get(OVERLAY, ""), environ.get(ORIGINAL, "")
    if not own or not original or environ.get("KUBECONFIG") != own or not Path(own).is_file():
        return None
    return Session(Overlay(Path(own).parent), original)


def original_value(environ: Mapping[str, str], cwd: Path) -> str:
    """Return what ``KUBECONFIG`` has to be outside of any session, with absolute paths, for a new one to remember."""
    session = current_session(environ)
    if session is not None:
        return session.original
    return os.pathsep.join(os.path.normpath(cwd / path) for path in kubeconfig_files(environ).paths)


def depth(environ: Mapping[str, str]) -> int:
    """Return how many isolated shells there are around this process."""
    given = environ.get(DEPTH, "")
    return int(given) if current_session(environ) and given.isascii() and given.isdigit() and len(given) < 4 else 0


def current_in(session: Session) -> str:
    """Return the context of the session; empty when somebody unset it."""
    merged = load_merged(kubeconfig_files({"KUBECONFIG": str(session.overlay.file)}))
    return merged.current_context.value if merged.current_context else ""


def previous_in(session: Session) -> str:
    """Return the context that the session had before.

    :raises Refused: when there is none.
    """
    name = read_previous(session.overlay.directory, session.overlay.file)
    if not name:
        raise Refused("there is no previous context in this shell", hint="name one", code="ctx.no_previous")
    return name


def switch_in(session: Session, merged: Merged, name: str, cwd: Path) -> str:
    """Give the session another context and return the one before; nothing outside changes.

    :param merged: the files outside.
    :param cwd: the working directory, absolute.
    :raises ConfigError: when the context does not exist or its private kubeconfig cannot be written.
    """
    content = single_context(merged, name, cwd)
    before = current_in(session)
    if before != name:
        replace_content(session.overlay, content, name)
        remember_previous(session.overlay.directory, session.overlay.file, before)
    return before
