"""The resolved configuration for people and programs: what holds, where it was said, and no secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from eksauth.credentials.config.durations import show_duration
from eksauth.credentials.config.model import AuthConfig, Identity, Place

HIDDEN = "(hidden)"
_SECRET_WORD = re.compile(r"secret|password|passwd|token|api_?key|private|credential", re.IGNORECASE)
_DURATIONS = {
    "session_seconds": "session_duration",
    "console_seconds": "console_duration",
    "duration_seconds": "duration",
    "max_session_seconds": "max_session",
}


def describe(config: AuthConfig, *, found_by: str, variables: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """Return a configuration as plain values.

    Only what differs from the default is there; durations are as people write them.

    :param found_by: ``--config``, the variable, ``search``, or ``user configuration``.
    :param variables: paths of the keys that ``!env`` filled, by variable.
    """
    unset = {name for name, digest in config.inputs if not digest}
    return {
        "file": config.path,
        "found_by": found_by,
        "trusted": not config.searched,
        "realm": {"value": config.realm, "from": config.realm_from or None},
        "keyring": _plain(config.keyring, always=("kind", "password_env")),
        "console": {"isolated": config.console_isolated},
        "variables": [
            {"name": name, "set": name not in unset, "used_for": list(paths)} for name, paths in variables.items()
        ],
        "providers": {name: _plain(item) for name, item in config.providers.items()},
        "identities": {name: _identity(item, variables) for name, item in config.identities.items()},
        "integrations": {
            **{name: {"kind": "aws/eks", **_plain(item)} for name, item in config.integrations.items()},
            **{name: {"kind": kind, "left_to_atmos": True} for name, kind in config.foreign_integrations.items()},
        },
        "guards": {item.name: _plain(item) for item in config.guards},
    }


def _identity(item: Identity, variables: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    shown = _plain(item)
    own = f"identities.{item.name}.env"
    from_elsewhere = any(path.startswith(own) for paths in variables.values() for path in paths)
    if item.env:
        hide = from_elsewhere
        shown["env"] = {name: HIDDEN if hide or _SECRET_WORD.search(name) else value for name, value in item.env}
    if item.credentials.secret_access_key is not None:
        shown["credentials"]["secret_access_key"] = HIDDEN
    return shown


def _plain(value: Any, *, always: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return a value of the model as a mapping, without what is at its default and without its name."""
    shown: dict[str, Any] = {}
    if getattr(value, "kind", None) == "foreign":
        return {"kind": value.declared_kind, "left_to_atmos": True, "from": str(value.place)}
    for part in fields(value):
        found = getattr(value, part.name)
        if part.name in {"name", "place", "declared_kind", "secret_access_key"}:
            if part.name == "name" and found is not None and not hasattr(value, "place"):
                shown["name"] = found
            continue
        if part.name not in always and (found == part.default or found is None or found == ()):
            continue
        shown[_DURATIONS.get(part.name, part.name)] = _value(part.name, found)
    if hasattr(value, "place"):
        place: Place = value.place
        shown["from"] = str(place)
    return shown


def _value(name: str, found: Any) -> Any:
    if name in _DURATIONS:
        return show_duration(found)
    if name == "mode":
        return f"{found:04o}"
    if name.endswith("command") or name == "mfa_process":
        return _command(found)
    if name == "session_tags":
        return dict(found)
    if is_dataclass(found) and not isinstance(found, type):
        return _plain(found)
    return list(found) if isinstance(found, tuple) else found


def _command(words: tuple[str, ...]) -> list[str]:
    """Hide what follows a flag that sounds like a secret."""
    shown = []
    hide = False
    for word in words:
        flag, equals, _ = word.partition("=")
        secret_flag = (word.startswith("-") or bool(equals)) and bool(_SECRET_WORD.search(flag))
        shown.append(HIDDEN if hide else f"{flag}={HIDDEN}" if secret_flag and equals else word)
        hide = secret_flag and not equals
    return shown
