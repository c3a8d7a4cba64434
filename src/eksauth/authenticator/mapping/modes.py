"""The names of backends: those of aws-iam-authenticator, its older ones, and ours."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from eksauth.errors import ConfigError

BACKENDS = {
    "MountedFile": "MountedFile",
    "File": "MountedFile",
    "EKSConfigMap": "EKSConfigMap",
    "ConfigMap": "EKSConfigMap",
    "CRD": "CRD",
    "DynamicFile": "DynamicFile",
    "AccessEntries": "AccessEntries",
}
"""Name as written -> modern name."""


def backend_mode(written: str) -> str:
    """Return the modern name of one backend mode.

    :raises ConfigError: when there is no such mode.
    """
    mode = BACKENDS.get(written)
    if mode is None:
        near = get_close_matches(written, BACKENDS, 1)
        hint = f"did you mean {near[0]}" if near else f"one of {', '.join(sorted(set(BACKENDS.values())))}"
        raise ConfigError(f"no such backend mode: {written[:60]!r}", hint=hint)
    return mode


def backend_modes(written: Iterable[str]) -> tuple[str, ...]:
    """Return the modern names of backend modes in order; each text may hold several, separated by commas.

    :raises ConfigError: for an unknown mode, one given twice, or none at all.
    """
    modes: list[str] = []
    for name in (part.strip() for text in written for part in text.split(",")):
        mode = backend_mode(name)
        if mode in modes:
            raise ConfigError(f"backend mode {mode} is given twice", hint="give each once, in the order to ask them")
        modes.append(mode)
    if not modes:
        raise ConfigError("no backend mode is given", hint=f"one of {', '.join(sorted(set(BACKENDS.values())))}")
    return tuple(modes)
