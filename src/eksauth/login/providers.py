"""Signing in at a provider, and the identities that it says one may be."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from eksauth.credentials.config.model import AuthConfig, Identity, Provider
from eksauth.credentials.config.provisioned import write_provisioned
from eksauth.credentials.identities.chain import links_of
from eksauth.credentials.identities.contract import Context, Human, Material, SsoAccess, login_hint
from eksauth.credentials.identities.kinds import provider_step
from eksauth.errors import EksauthError, UsageError

Progress = Callable[[int, int], None]
"""Told how many calls are done and known of."""
KEEPING = frozenset(("aws/iam-identity-center",))
"""Kinds whose sign-in is kept, so that it is worth something without an identity."""


@dataclass(frozen=True, slots=True)
class Discovered:
    """Identities that a provider has for whoever signed in; or why they could not be listed."""

    provider: str
    identities: tuple[Identity, ...] = ()
    warnings: tuple[str, ...] = ()


def provider_of(config: AuthConfig, identity: Identity) -> Provider | None:
    """Return where the identity's chain starts, when that is a provider.

    :raises ConfigError: when the chain is broken.
    """
    root = links_of(config, identity)[0]
    return root if isinstance(root, Provider) else None


def can_be_used(config: AuthConfig, identity: Identity) -> bool:
    """Tell whether every link to the identity is of a kind that works here; other clouds' kinds are only kept."""
    try:
        return all(link.kind != "foreign" for link in links_of(config, identity))
    except EksauthError:
        return False


def find_provider(config: AuthConfig, name: str) -> Provider:
    """Return a provider by its name, in any case.

    :raises UsageError: when there is none.
    """
    for known in config.providers.values():
        if known.name.lower() == name.lower():
            return known
    from difflib import get_close_matches

    near = get_close_matches(name, list(config.providers), 1)
    hint = f"did you mean {near[0]}" if near else f"these exist: {', '.join(sorted(config.providers)) or 'none'}"
    raise UsageError(f"there is no provider '{name}'", hint=hint, code="usage.provider")


def sign_in_provider(
    config: AuthConfig,
    provider: Provider,
    *,
    environ: Mapping[str, str],
    human: Human | None,
    fresh: bool = False,
    clock: Callable[[], float] = time.time,
) -> Material:
    """Sign in at a provider whose sign-in is kept.

    :raises UsageError: for a kind that only works together with an identity.
    :raises NeedsHuman: when somebody has to do something and ``human`` is None.
    :raises EksauthError: whichever other kind says why not.
    """
    if provider.kind not in KEEPING:
        users = [each.name for each in config.identities.values() if provider_is(config, each, provider)]
        raise UsageError(
            f"a sign-in at '{provider.name}' ({provider.declared_kind}) is not kept: it is for one identity at a time",
            hint=login_hint(users[0]) if users else "configure an identity that goes via it",
        )
    context = context_at(config, provider, environ=environ, human=human, fresh=fresh, clock=clock)
    material = provider_step(provider, config).obtain(None, context)
    if material is None:
        raise EksauthError(f"provider '{provider.name}' gave nothing")
    return material


def provider_is(config: AuthConfig, identity: Identity, provider: Provider) -> bool:
    """Tell whether the identity's chain starts at ``provider``; one with a broken chain does not."""
    try:
        root = provider_of(config, identity)
    except EksauthError:
        return False
    return root is not None and root.name == provider.name


def context_at(
    config: AuthConfig,
    provider: Provider,
    *,
    environ: Mapping[str, str],
    human: Human | None,
    fresh: bool = False,
    clock: Callable[[], float] = time.time,
) -> Context:
    """Return what the provider's own step needs."""
    return Context(
        config=config, environ=environ, region=provider.region or "us-east-1", human=human, fresh=fresh, clock=clock
    )


def discover(
    config: AuthConfig,
    provider: Provider,
    access: Material,
    *,
    environ: Mapping[str, str],
    human: Human | None = None,
    clock: Callable[[], float] = time.time,
    progress: Progress = lambda _done, _known: None,
) -> Discovered:
    """Ask the provider who one may be, and remember that; the sign-in stands even when the question fails."""
    if not provider.auto_provision_identities or not isinstance(access, SsoAccess):
        return Discovered(provider.name)
    from eksauth.credentials.sso.provision import provision

    context = context_at(config, provider, environ=environ, human=human, clock=clock)
    left_out: list[str] = []
    try:
        found = tuple(provision(provider, access, context, progress, warn=left_out.append))
        write_provisioned(environ, config.realm, provider, found)
    except EksauthError as error:
        return Discovered(
            provider.name, warnings=(f"the identities of '{provider.name}' are not listed: {error.message}",)
        )
    return Discovered(provider.name, found, tuple(left_out))


def forced(config: AuthConfig, flow: Literal["device", "pkce"] | None) -> AuthConfig:
    """Return the configuration with one way of signing in for all portals, whatever it says itself."""
    if flow is None:
        return config
    return replace(config, providers={name: replace(each, flow=flow) for name, each in config.providers.items()})
