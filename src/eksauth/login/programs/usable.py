"""Credentials of an identity for whoever wants to use them now: guarded, cached where that is good, else renewed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from eksauth.credentials import audit, guard
from eksauth.credentials.config.model import AuthConfig, Identity
from eksauth.credentials.identities.authenticate import Session, authenticate, cached_session
from eksauth.credentials.identities.contract import Human
from eksauth.errors import AwsUnreachable, CredentialsError

ENOUGH_SECONDS = 900
"""Cached credentials with so much life left are given out as they are. AWS SDKs ask again when less is left."""


def usable_session(
    config: AuthConfig,
    identity: Identity,
    *,
    environ: Mapping[str, str],
    human: Human | None = None,
    clock: Callable[[], float] = time.time,
) -> Session:
    """Return a session of ``identity`` whose credentials end no later than its guards allow.

    What is cached goes on when renewing it needs a person or AWS cannot be reached, as long as it lives.

    :raises CredentialsError: when a guard refuses, somebody has to sign in, or credentials are unusable.
    :raises EksauthError: whichever other kind says why there are none.
    """
    until = _guarded(config, identity, environ, clock())
    cached = cached_session(config, identity, environ=environ, now=clock())
    if cached is None or _seconds_left(cached, clock()) < ENOUGH_SECONDS:
        try:
            # who starts a program or a shell has not looked at a configuration that came with a repository
            cached = authenticate(config, identity, environ=environ, human=human, vouched=False, clock=clock)
        except (CredentialsError, AwsUnreachable):
            if cached is None:
                raise
    return replace(cached, credentials=guard.clip(cached.credentials, until))


def _guarded(config: AuthConfig, identity: Identity, environ: Mapping[str, str], now: float) -> float | None:
    try:
        return guard.check(config, identity, environ, now)
    except CredentialsError as error:
        audit.append(environ, {"event": "refused", "identity": identity.name, "code": error.code}, now=now)
        raise


def _seconds_left(session: Session, now: float) -> float:
    ends = session.credentials.expires_at
    return float("inf") if ends is None else ends - now
