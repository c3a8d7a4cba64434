"""Becoming several identities at once, with one question at a time.

What needs nobody happens at the same time for all. Whoever is left needs a person, and then they take turns: signing in
once often answers for everybody who starts at the same provider, so the others are tried in silence again each time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from eksauth.aws.parallel import Parallel
from eksauth.credentials.config.model import AuthConfig, Identity
from eksauth.credentials.identities.authenticate import forget
from eksauth.credentials.identities.chain import links_of
from eksauth.credentials.identities.contract import NeedsHuman
from eksauth.errors import EksauthError
from eksauth.login.providers import KEEPING, provider_of
from eksauth.login.sign_in import SignedIn, Terms, sign_in

WORKERS = 8
_NEED_PERSON = ("guard.reason", "guard.confirm")
"""Codes of errors that a person at a terminal makes go away."""

Watching = Callable[[int, int], None]
"""Told how many identities are done and how many there are."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One identity: signed in, or why not."""

    identity: Identity
    signed_in: SignedIn | None = None
    error: EksauthError | None = None


def sign_in_all(
    config: AuthConfig,
    identities: Iterable[Identity],
    terms: Terms,
    *,
    environ: Mapping[str, str],
    clock: Callable[[], float] = time.time,
    watching: Watching = lambda _done, _known: None,
) -> list[Outcome]:
    """Sign in as each of ``identities`` and return what came of it, in their order."""
    everybody = list(identities)
    outcomes: dict[str, Outcome] = {}
    anew: set[str] = set()
    waiting = everybody
    while waiting:
        wants_person = [each for each in waiting if _asked_anyway(config, each, terms, anew)]
        silent = _silently(config, [each for each in waiting if each not in wants_person], terms, anew, environ, clock)
        stuck = [each for each in silent if terms.human is not None and _needs_person(each.error)]
        outcomes.update({each.identity.name: each for each in silent if each not in stuck})
        watching(len(outcomes), len(everybody))
        wants_person += [each.identity for each in stuck]
        if not wants_person:
            break
        first, *others = wants_person
        outcomes[first.name] = _one(config, first, terms, environ, clock)
        anew.add(_root(config, first))
        watching(len(outcomes), len(everybody))
        waiting = others
    return [outcomes[each.name] for each in everybody]


def _silently(
    config: AuthConfig,
    identities: list[Identity],
    terms: Terms,
    anew: set[str],
    environ: Mapping[str, str],
    clock: Callable[[], float],
) -> list[Outcome]:
    """Try all without a person.

    :param anew: roots at which somebody signed in during this run: what they gave is fresh.
    """
    quiet = replace(terms, human=None)
    found: dict[str, Outcome] = {}

    def attempt(identity: Identity) -> Outcome:
        if terms.fresh and _root(config, identity) in anew:
            forget(config, identity, environ=environ)
            return _one(config, identity, replace(quiet, fresh=False), environ, clock)
        return _one(config, identity, quiet, environ, clock)

    with Parallel[Outcome](WORKERS) as pool:
        for each in identities:
            pool.add(each.name, lambda each=each: attempt(each))  # type: ignore[misc]
        for done in pool.results():
            if done.error is not None or done.value is None:
                raise done.error or AssertionError
            found[done.value.identity.name] = done.value
    return [found[each.name] for each in identities]


def _one(
    config: AuthConfig, identity: Identity, terms: Terms, environ: Mapping[str, str], clock: Callable[[], float]
) -> Outcome:
    try:
        return Outcome(identity, sign_in(config, identity, terms, environ=environ, clock=clock))
    except EksauthError as error:
        return Outcome(identity, error=error)


def _asked_anyway(config: AuthConfig, identity: Identity, terms: Terms, anew: set[str]) -> bool:
    """Tell whether a fresh start means a person, although the sign-in could be renewed in silence."""
    if not terms.fresh or terms.human is None:
        return False
    try:
        provider = provider_of(config, identity)
    except EksauthError:
        return False
    return provider is not None and provider.kind in KEEPING and provider.name not in anew


def _needs_person(error: EksauthError | None) -> bool:
    if isinstance(error, NeedsHuman):
        return True
    return error is not None and error.code in _NEED_PERSON


def _root(config: AuthConfig, identity: Identity) -> str:
    return links_of(config, identity)[0].name
