"""Who is to be signed out, and who is signed in through what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from eksauth.credentials.config.model import AuthConfig, Identity, Provider
from eksauth.credentials.identities.authenticate import Session, cached_session
from eksauth.errors import EksauthError
from eksauth.login.providers import can_be_used, provider_is, provider_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """Who is to be signed out.

    :ivar identities: whose credentials, secrets and entries go.
    :ivar providers: whose sessions are ended.
    :ivar everything: entries of identities that the configuration does not have any more go as well.
    :ivar keep_keys: long-lived keys stay in the keyring.
    :ivar yes: protected contexts go as well.
    """

    identities: tuple[Identity, ...] = ()
    providers: tuple[Provider, ...] = ()
    everything: bool = False
    keep_keys: bool = False
    dry_run: bool = False
    yes: bool = False


@dataclass(slots=True)
class SignedOut:
    """What was done.

    :ivar done: what went, one line each.
    :ivar failed: what should have gone and did not.
    :ivar left: what is still there, on purpose or because nobody can remove it.
    """

    done: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    unreachable: bool = False


def leaving_for(config: AuthConfig, identity: Identity, *, environ: Mapping[str, str], now: float) -> Leaving:
    """Return what signing out of one identity takes: its provider's session ends, too, unless another one needs it."""
    provider = provider_of(config, identity)
    if provider is None or still_used(config, provider, environ, now, besides=identity):
        return Leaving(identities=(identity,))
    return Leaving(identities=(identity,), providers=(provider,))


def leaving_provider(config: AuthConfig, provider: Provider) -> Leaving:
    """Return what ending the session at a provider takes: all its identities go with it."""
    through = tuple(
        each for each in config.identities.values() if provider_is(config, each, provider) and can_be_used(config, each)
    )
    return Leaving(identities=through, providers=(provider,))


def leaving_all(config: AuthConfig) -> Leaving:
    """Return what signing everybody out takes."""
    return Leaving(
        identities=tuple(each for each in config.identities.values() if can_be_used(config, each)),
        providers=tuple(config.providers.values()),
        everything=True,
    )


def still_used(
    config: AuthConfig, provider: Provider, environ: Mapping[str, str], now: float, *, besides: Identity | None = None
) -> list[str]:
    """Return the identities that are signed in through ``provider``."""
    found = []
    for each in config.identities.values():
        if besides is not None and each.name == besides.name:
            continue
        if provider_is(config, each, provider) and cached_or_none(config, each, environ, now) is not None:
            found.append(each.name)
    return found


def cached_or_none(config: AuthConfig, identity: Identity, environ: Mapping[str, str], now: float) -> Session | None:
    """Return what is cached of an identity, None also when its chain is broken."""
    try:
        return cached_session(config, identity, environ=environ, now=now)
    except (EksauthError, OSError):
        return None


def with_dry_run(leaving: Leaving, *, dry_run: bool, yes: bool, keep_keys: bool) -> Leaving:
    """Return the same with the flags of a command."""
    return replace(leaving, dry_run=dry_run, yes=yes, keep_keys=keep_keys)
