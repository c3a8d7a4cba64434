"""Changing the namespace of a context."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from eksauth.errors import Refused, UsageError
from eksauth.kubeconfig.contexts import require_context
from eksauth.kubeconfig.isolated.session import current_session
from eksauth.kubeconfig.operations import SetField, UnsetField
from eksauth.kubeconfig.outcome import Outcome
from eksauth.kubeconfig.paths import Files
from eksauth.kubeconfig.previous import read_previous, remember_previous
from eksauth.kubeconfig.resolve import Merged
from eksauth.kubeconfig.routing import Change
from eksauth.kubeconfig.state import state_directory
from eksauth.kubeconfig.store import apply

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)


def check_name(name: str) -> None:
    """Make sure that a namespace could be called so (RFC 1123 label).

    :raises UsageError: when none could.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f'"{name}" cannot be the name of a namespace',
            hint="names have up to 63 lower-case letters, digits and dashes",
            code="ns.name",
        )


def previous_namespace(merged: Merged, environ: Mapping[str, str]) -> str:
    """Return the namespace that the current context had before.

    :raises Refused: when there is none.
    """
    found = merged.context()
    name = read_previous(_state(environ), _home(found.place.path), found.name)
    if not name:
        raise Refused(
            f'context "{found.name}" has no previous namespace',
            hint="eksauth remembers its own switches",
            code="ns.none",
        )
    return name


def set_namespace(files: Files, context: str, name: str | None, *, environ: Mapping[str, str] = os.environ) -> Outcome:
    """Give a context a namespace, in the file that defines it; None takes its namespace away.

    :raises ConfigError: when the context does not exist any more, or the file cannot be written.
    """
    seen: dict[str, str] = {}

    def decide(merged: Merged) -> Sequence[Change]:
        found = require_context(merged, context)
        seen["before"], seen["home"] = found.value.namespace or "default", str(found.place.path)
        if name is None:
            return [UnsetField("contexts", context, ("namespace",))]
        return [] if found.value.namespace == name else [SetField("contexts", context, ("namespace",), name)]

    outcome = apply(files, decide, environ=environ)
    if outcome.changed and seen["before"] != (name or "default"):
        remember_previous(_state(environ), _home(Path(seen["home"])), seen["before"], context)
    return outcome


def _state(environ: Mapping[str, str]) -> Path | None:
    session = current_session(environ)
    return session.overlay.directory if session else state_directory(environ)


def _home(path: Path) -> Path:
    return Path(os.path.realpath(path))
