"""The use-case "which credentials sign this": quick sources, then cache, then the network, one process at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from eksauth.credentials.cache import MIN_REMAINING_SECONDS, cache_key, load
from eksauth.credentials.cache_store import refresh_lock, store
from eksauth.credentials.model import Credentials
from eksauth.credentials.quick import RoleRequest, direct_credentials, is_only_static, quick_credentials
from eksauth.credentials.settings import Settings

UNKEYED_LIFE_SECONDS = 900
"""How long container and instance credentials are reused: their source can change without a trace on this machine."""


class Resolved:
    """Credentials, and what a person should hear about how they came."""

    __slots__ = ("credentials", "warnings")

    def __init__(self, credentials: Credentials, warnings: tuple[str, ...] = ()) -> None:
        self.credentials = credentials
        self.warnings = warnings


def resolve_credentials(
    environ: Mapping[str, str],
    settings: Settings,
    *,
    role: RoleRequest | None,
    use_cache: bool,
    interactive: bool,
    clock: Callable[[], float],
) -> Resolved:
    """Return the credentials to sign with.

    :param role: the role to end up as, or None for the identity that the environment and profile give.
    :param use_cache: False fetches anew and stores nothing.
    :raises EksauthError: whichever kind says why there are none.
    """
    found = quick_credentials(environ, settings, role=role, use_cache=use_cache, now=clock())
    if found is not None:
        return Resolved(found)

    def from_chain() -> Resolved:
        from eksauth.credentials.chain import UNKEYED_METHODS, chain_credentials

        credentials, method = chain_credentials(environ, settings, interactive=interactive)
        life = UNKEYED_LIFE_SECONDS if method in UNKEYED_METHODS else None
        return _stored(environ, settings, None, credentials, use_cache=use_cache, life=life, now=clock())

    def chained() -> Resolved:
        if is_only_static(settings):  # nothing to wait for, nothing to keep
            return from_chain()
        return _single(environ, settings, None, from_chain, use_cache=use_cache, clock=clock)

    if role is None:
        return chained()

    def assumed() -> Resolved:
        from eksauth.credentials.assume_role import assume_role

        direct = direct_credentials(environ, settings)
        source = Resolved(direct) if direct is not None else chained()
        credentials = assume_role(environ, settings, role, source.credentials)
        kept = _stored(environ, settings, role, credentials, use_cache=use_cache, life=None, now=clock())
        return Resolved(credentials, tuple(dict.fromkeys(source.warnings + kept.warnings)))

    return _single(environ, settings, role, assumed, use_cache=use_cache, clock=clock)


def _single(
    environ: Mapping[str, str],
    settings: Settings,
    role: RoleRequest | None,
    fetch: Callable[[], Resolved],
    *,
    use_cache: bool,
    clock: Callable[[], float],
) -> Resolved:
    """Fetch unless another process does so right now, in which case wait for what it stores."""
    key = cache_key(environ, settings, role) if use_cache else None
    if key is None:
        return fetch()
    with refresh_lock(environ, key):
        # made again: whoever held the lock may have refreshed the login that the key covers
        found = load(environ, cache_key(environ, settings, role) or key, clock())
        return Resolved(found) if found is not None else fetch()


def _stored(
    environ: Mapping[str, str],
    settings: Settings,
    role: RoleRequest | None,
    credentials: Credentials,
    *,
    use_cache: bool,
    life: int | None,
    now: float,
) -> Resolved:
    # made again: fetching may have refreshed the login that the key covers
    key = cache_key(environ, settings, role) if use_cache else None
    if key is None or credentials.expires_at is None:
        return Resolved(credentials)
    kept = Credentials(
        credentials.access_key_id,
        credentials.secret_access_key,
        credentials.session_token,
        credentials.expires_at if life is None else min(credentials.expires_at, now + life + MIN_REMAINING_SECONDS),
        credentials.source,
    )
    warning = store(environ, key, kept, now)
    return Resolved(credentials, () if warning is None else (warning,))
