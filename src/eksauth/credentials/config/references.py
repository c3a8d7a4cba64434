"""Names in a configuration that mean each other: collisions, missing ones, circles, links that cannot fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from eksauth.credentials.config.model import EksIntegration, Identity, Place, Provider
from eksauth.credentials.config.problems import Problem
from eksauth.spelling import nearest

_GIVES_AWS_CREDENTIALS = {"foreign"}
_GIVES_ASSERTIONS = {"aws/saml", "github/oidc", "oidc/token", "foreign"}
Complain = Callable[[Problem], None]
_EFFORT = 50_000
"""How many names are compared with wrong ones before suggestions end."""
Marks = Mapping[str, Place]


class Names:
    """Looks names up without regard to case: names first, then aliases."""

    def __init__(self, names: Iterable[str], aliases: Iterable[tuple[str, str]] = ()) -> None:
        self._names: dict[str, str] = {}
        self._effort = _EFFORT
        for name in names:
            self._names.setdefault(name.casefold(), name)
        for alias, name in aliases:
            self._names.setdefault(alias.casefold(), name)

    def find(self, name: str) -> str | None:
        """Return the name as the configuration spells it, or None."""
        return self._names.get(name.casefold())

    def near(self, name: str) -> list[str]:
        """Return names that may have been meant; in a hostile file with many mistakes likeness costs too much."""
        self._effort -= len(self._names)
        return nearest(name, self._names.values(), 1) if self._effort > 0 and len(name) <= 300 else []


def identity_names(identities: Mapping[str, Identity]) -> Names:
    """Return the names and aliases of identities."""
    return Names(identities, ((alias, item.name) for item in identities.values() for alias in item.aliases))


def link(
    providers: Mapping[str, Provider], identities: Mapping[str, Identity], marks: Marks, complain: Complain
) -> dict[str, Identity]:
    """Return the identities with ``via`` spelled as the names that it means; complain about what is not there.

    :param marks: places by path, where better known than the item's own.
    """
    known_providers, known_identities = Names(providers), identity_names(identities)
    linked = {}
    for name, item in identities.items():
        via_provider = _resolve(item, "provider", item.via_provider, known_providers, marks, complain)
        via_identity = _resolve(item, "identity", item.via_identity, known_identities, marks, complain)
        linked[name] = replace(item, via_provider=via_provider, via_identity=via_identity)
        if via_provider is not None:
            _judge_link(item, providers[via_provider], complain)
    _find_circles(linked, complain)
    return linked


def link_integrations(
    integrations: Mapping[str, EksIntegration],
    providers: Mapping[str, Provider],
    identities: Mapping[str, Identity],
    marks: Marks,
    complain: Complain,
) -> dict[str, EksIntegration]:
    """Return the integrations with ``via`` spelled as the names that it means; complain about what is not there."""
    known_providers, known_identities = Names(providers), identity_names(identities)
    return {
        name: replace(
            item,
            via_provider=_resolve(item, "provider", item.via_provider, known_providers, marks, complain),
            via_identity=_resolve(item, "identity", item.via_identity, known_identities, marks, complain),
            describe_as=_resolve(
                item, "identity", item.describe_as, known_identities, marks, complain, "spec.describe_as"
            ),
        )
        for name, item in integrations.items()
    }


def _resolve(
    item: Identity | EksIntegration,
    what: str,
    name: str | None,
    known: Names,
    marks: Marks,
    complain: Complain,
    key: str = "",
) -> str | None:
    if name is None:
        return None
    found = known.find(name)
    if found is None:
        section = "integrations" if isinstance(item, EksIntegration) else "identities"
        near = known.near(name)
        path = f"{section}.{item.name}.{key or f'via.{what}'}"
        home = "providers" if what == "provider" else "identities"
        hint = f"did you mean {near[0]}" if near else f"add it to auth.{home}"
        complain(_wrong(marks.get(path, item.place), f"{path}: there is no {what} '{name}'", hint))
    return found


def _judge_link(item: Identity, provider: Provider, complain: Complain) -> None:
    """Complain when a kind cannot start from what its provider gives."""
    fits = {
        "aws/permission-set": {"aws/iam-identity-center", "foreign"},
        "aws/assume-role": _GIVES_ASSERTIONS,
        "aws/assume-root": _GIVES_AWS_CREDENTIALS,
    }.get(item.kind)
    if fits is None or provider.kind in fits:
        return
    hint = {
        "aws/permission-set": "a permission set starts from a provider of kind aws/iam-identity-center",
        "aws/assume-role": "put an identity of kind aws/permission-set between them, and use via.identity",
    }.get(item.kind, "it starts from an identity: use via.identity")
    message = f"identities.{item.name}: {item.kind} cannot start from {provider.kind} '{provider.name}'"
    complain(_wrong(item.place, message, hint))


def _find_circles(identities: Mapping[str, Identity], complain: Complain) -> None:
    settled: set[str] = set()
    for start in identities:
        path: dict[str, None] = {}  # in order, and quick to look into: a hostile chain is long
        name: str | None = start
        while name is not None and name not in settled and name not in path:
            path[name] = None
            name = identities[name].via_identity
        if name is not None and name in path:
            walked = list(path)
            circle = [*walked[walked.index(name) :], name]
            message = f"identities.{name} starts from itself: {' -> '.join(circle[:12])}"
            complain(_wrong(identities[name].place, message, "let one of them start from a provider", "config.cycle"))
        settled.update(path)


def _wrong(place: Place, message: str, hint: str | None, code: str = "config.reference") -> Problem:
    return Problem(place=place, severity="error", message=message, hint=hint, code=code, fatal=True)
