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
            cached = authenticate(config, identity, environ=environ, human=human, clock=clock)
        except (CredentialsError, AwsUnreachable):
            if cached is None:
                raise
    return replace(cached, credentials=guard.clip(cached.credentials, until))


def record(
    config: AuthConfig,
    identity: Identity,
    environ: Mapping[str, str],
    event: Mapping[str, str | float | None],
    *,
    now: float,
) -> str | None:
    """Write what happens as ``identity`` to the audit log; return a warning when that is impossible.

    :raises CredentialsError: when it is impossible and a guard demands it.
    """
    warning = audit.append(environ, {"identity": identity.name, **event}, now=now)
    asked = guard.demands(config, identity)
    if asked.audit and (warning is not None or audit.audit_path(environ) is None):
        raise CredentialsError(
            f"guard '{asked.guards[0]}' on {identity.name} demands the audit log: {warning or 'it is switched off'}",
            hint="make room for the log, or point EKSAUTH_AUDIT_LOG at a file of your own",
            code="guard.audit",
        )
    return warning


def _guarded(config: AuthConfig, identity: Identity, environ: Mapping[str, str], now: float) -> float | None:
    try:
        return guard.check(config, identity, environ, now)
    except CredentialsError as error:
        audit.append(environ, {"event": "refused", "identity": identity.name, "code": error.code}, now=now)
        raise


def _seconds_left(session: Session, now: float) -> float:
    ends = session.credentials.expires_at
    return float("inf") if ends is None else ends - now
