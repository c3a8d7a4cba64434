"""The use-case "be this identity": walk its chain, use what is cached, renew what is not, ask a person only if allowed.

Everything that needs an identity's credentials goes through here: login, token, exec, console, kubeconfig updates.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from eksauth.aws.access_keys import unverified_account_of
from eksauth.credentials.cache import SUFFIX, load
from eksauth.credentials.cache_store import remove
from eksauth.credentials.config.model import AuthConfig, Identity
from eksauth.credentials.identities.chain import chain_of, regions_of
from eksauth.credentials.identities.contract import Context, Human, Step, login_hint
from eksauth.credentials.identities.failures import forget_failure
from eksauth.credentials.identities.links import link_keys
from eksauth.credentials.identities.walk import Walk
from eksauth.credentials.model import Credentials
from eksauth.credentials.settings import Settings
from eksauth.errors import EksauthError

PASSIVE_LEAST_SECONDS = 61
"""What :func:`cached_session` still shows: a token can be made of it, with the minute that clients take off."""


@dataclass(frozen=True, slots=True)
class Session:
    """An identity that one is now.

    :ivar account: that the credentials belong to, where it is known.
    :ivar chain: names of the provider and identities that led here, root first.
    :ivar region: in which this chain asks STS.
    :ivar warnings: one line each.
    """

    identity: Identity
    credentials: Credentials
    account: str | None
    chain: tuple[str, ...]
    region: str
    warnings: tuple[str, ...] = ()


@runtime_checkable
class KeepsItself(Protocol):
    """A step whose credentials the plain AWS chain finds and caches; nothing is cached here in addition."""

    @property
    def input_name(self) -> str:
        """The profile as an input names it."""

    def settings(self, environ: Mapping[str, str]) -> Settings:
        """Return the settings of the profile."""

    def passive(self, environ: Mapping[str, str], now: float) -> Credentials | None:
        """Return what can be had from files alone."""

    def forget(self, environ: Mapping[str, str]) -> bool:
        """Remove what is cached, and tell whether there was anything."""


def authenticate(
    config: AuthConfig,
    identity: Identity,
    *,
    environ: Mapping[str, str],
    human: Human | None = None,
    fresh: bool = False,
    use_cache: bool = True,
    vouched: bool = True,
    clock: Callable[[], float] = time.time,
) -> Session:
    """Return ``identity``'s credentials: cached, renewed without anybody's help, or with the help of ``human``.

    botocore reads the process's own environment, so ``environ`` has to be it wherever a link may need AWS.

    :param human: who may be asked; without one nothing prompts, opens a browser or waits for a person.
    :param fresh: get every link anew, and keep what comes.
    :param vouched: ``human`` wants to sign in; when they want something else, a configuration that was only come across
        stays what it is.
    :param use_cache: False neither reads nor keeps anything.
    :raises NeedsHuman: when somebody has to sign in; the hint is the one command to run.
    :raises CredentialsError: when a link is there but unusable.
    :raises ConfigError: when the chain cannot be built.
    :raises AwsError: when AWS refuses or cannot be reached.
    """
    steps, regions, keys = _chain(config, identity, environ)
    context = Context(
        config=config,
        environ=environ,
        region=regions[-1],
        human=human,
        vouched=vouched,
        fresh=fresh or not use_cache,
        use_cache=use_cache,
        clock=clock,
    )
    walk = Walk(steps, regions, keys, lambda: _keys(config, steps, regions, environ), context)
    try:
        credentials = walk.credentials()
    except EksauthError as error:
        raise _towards(error, identity, steps) from None
    return _session(identity, steps, regions[-1], environ, credentials, tuple(walk.warnings))


def cached_session(config: AuthConfig, identity: Identity, *, environ: Mapping[str, str], now: float) -> Session | None:
    """Return what is there already: files only, no network, no prompt; None when that is not enough.

    :raises ConfigError: when the chain cannot be built.
    """
    steps, regions, keys = _chain(config, identity, environ)
    target, key = steps[-1], keys[-1]
    found = None
    if isinstance(target, KeepsItself):
        found = target.passive(environ, now)
    elif key is not None:
        found = load(environ, key, now, PASSIVE_LEAST_SECONDS)
    return None if found is None else _session(identity, steps, regions[-1], environ, found, ())


def forget(config: AuthConfig, identity: Identity, *, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Remove the cached credentials of ``identity`` and of every link that leads to it; return what was removed.

    What providers keep (access and refresh tokens, secrets) is theirs to remove.

    :raises ConfigError: when the chain cannot be built.
    :raises OSError: when a file is there and stays.
    """
    steps, _, keys = _chain(config, identity, environ)
    removed = []
    for step, key in zip(steps, keys, strict=True):
        there = False
        if isinstance(step, KeepsItself):
            there = step.forget(environ)
        elif key is not None:
            forget_failure(environ, key)
            there = remove(environ, key + SUFFIX)
        if there:
            removed.append(f"credentials of {step.name}")
    return tuple(removed)


def target_key(config: AuthConfig, identity: Identity, environ: Mapping[str, str]) -> str | None:
    """Return the cache entry that holds the identity's own credentials, None when they are not kept under a key."""
    return _chain(config, identity, environ)[2][-1]


def _chain(
    config: AuthConfig, identity: Identity, environ: Mapping[str, str]
) -> tuple[tuple[Step, ...], tuple[str, ...], tuple[str | None, ...]]:
    steps, regions = chain_of(config, identity), regions_of(config, identity)
    return steps, regions, _keys(config, steps, regions, environ)


def _keys(
    config: AuthConfig, steps: tuple[Step, ...], regions: tuple[str, ...], environ: Mapping[str, str]
) -> tuple[str | None, ...]:
    keys = link_keys(config, steps, regions, environ)
    return tuple([None if isinstance(s, KeepsItself) else k for s, k in zip(steps, keys, strict=True)])


def _session(
    identity: Identity,
    steps: tuple[Step, ...],
    region: str,
    environ: Mapping[str, str],
    credentials: Credentials,
    warnings: tuple[str, ...],
) -> Session:
    target = steps[-1]
    if isinstance(target, KeepsItself):
        region = target.settings(environ).region or region
    account = target.account
    if account is None:
        # AWS itself gave us these keys, so the claim in their id is AWS's
        account = unverified_account_of(credentials.access_key_id)
    named = Credentials(
        credentials.access_key_id,
        credentials.secret_access_key,
        credentials.session_token,
        credentials.expires_at,
        f"identity {identity.name}",
    )
    return Session(identity, named, account, tuple([step.name for step in steps]), region, warnings)


def _towards(error: EksauthError, identity: Identity, steps: tuple[Step, ...]) -> EksauthError:
    """Let hints name the identity that was asked for, not a link on the way."""
    hint = error.hint
    for step in steps:
        command = login_hint(step.name)
        if hint is not None and (hint + " ").startswith((f"{command} ", f"{command},")):
            hint = login_hint(identity.name) + hint[len(command) :]
            break
    if hint == error.hint:
        return error
    with suppress(TypeError):
        return type(error)(error.message, hint=hint, code=error.code)
    return error
