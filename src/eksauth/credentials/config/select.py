"""Which identity is meant: one rule for every command."""

from __future__ import annotations

from collections.abc import Mapping

from eksauth.credentials.config.model import AuthConfig, Identity
from eksauth.credentials.config.references import identity_names
from eksauth.credentials.identities.contract import Human
from eksauth.errors import UsageError

VARIABLES = ("EKSAUTH_IDENTITY", "ATMOS_IDENTITY")
OFF = frozenset({"false", "0", "no", "off"})
"""Words that turn identities off, as in Atmos."""
_SHOWN = 20


def select_identity(
    config: AuthConfig, environ: Mapping[str, str], *, flag: str | None, human: Human | None
) -> Identity | None:
    """Return the identity that a command is about.

    ``flag``, else ``EKSAUTH_IDENTITY``, else ``ATMOS_IDENTITY``, else the one that says ``default: true``, else the
    only one there is, else what the person picks (of the defaults, where several say so).

    None when there are no identities and none was named, and when identities are turned off by ``false`` (which a name
    in the configuration still beats).

    :raises UsageError: for a name that is not there, and when nothing tells which one is meant.
    """
    for source, name in (("--identity", flag), *((variable, environ.get(variable)) for variable in VARIABLES)):
        if name is None or (not name and source != "--identity"):
            continue
        if name.lower() in OFF and identity_names(config.identities).find(name) is None:
            return None
        return find_identity(config, name, source=source)
    return _unnamed(config, human)


def _unnamed(config: AuthConfig, human: Human | None) -> Identity | None:
    if not config.identities:
        return None
    defaults = [item for item in config.identities.values() if item.default]
    candidates = defaults or list(config.identities.values())
    if len(candidates) == 1:
        return candidates[0]
    names = [item.name for item in candidates]
    if human is not None:
        return config.identities[human.choose("identity", names)]
    several = "several identities say default: true" if defaults else "several identities, and none is the default"
    raise UsageError(
        f"{several}: {_listed(names)}",
        hint=f"choose one with --identity or {VARIABLES[0]}, or let one say default: true",
        code="identity.ambiguous",
    )


def find_identity(config: AuthConfig, name: str, *, source: str = "") -> Identity:
    """Return the identity called ``name``, or that has it as an alias, without regard to case.

    :param source: what gave the name, for the error.
    :raises UsageError: when there is none, with the nearest name.
    """
    known = identity_names(config.identities)
    found = known.find(name)
    if found is not None:
        return config.identities[found]
    of = f" (from {source})" if source in VARIABLES else ""
    if not config.identities:
        where = config.path or "no configuration was found"
        raise UsageError(
            f"there is no identity '{name}'{of}: {where if config.path is None else f'{where} has none'}",
            hint="name the file with --config or EKSAUTH_CONFIG",
            code="identity.unknown",
        )
    near = known.near(name)
    raise UsageError(
        f"there is no identity '{name}'{of} in {config.path}",
        hint=f"did you mean {near[0]}" if near else f"there is {_listed(list(config.identities))}",
        code="identity.unknown",
    )


def _listed(names: list[str]) -> str:
    shown = sorted(names, key=str.casefold)
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return ", ".join(shown[:_SHOWN]) + more
