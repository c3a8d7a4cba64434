"""Becoming one identity: what its guards demand, its credentials, proof that AWS takes them, and a record of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from eksauth.credentials import audit, guard
from eksauth.credentials.config.model import AuthConfig, Identity
from eksauth.credentials.identities.authenticate import Session, authenticate
from eksauth.credentials.identities.contract import Human
from eksauth.credentials.index_store import remember
from eksauth.credentials.model import Credentials
from eksauth.credentials.recording import record
from eksauth.errors import CredentialsError, EksauthError
from eksauth.login.caller import Caller, context_of, endpoint_of, prove
from eksauth.login.kubeconfigs.provision import integrations_of


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """An identity that one is now.

    :ivar chain: names of the provider and identities that led here, root first.
    :ivar region: in which its chain asks STS.
    :ivar expires_at: epoch seconds at which the credentials end, or a guard's limit where that is earlier; None for
        credentials that do not end.
    :ivar ends_at: epoch seconds at which a guard ends the session, renewals included; None without such a limit.
    :ivar endpoint_url: of the emulator that stands for AWS, or None.
    """

    identity: Identity
    caller: Caller
    chain: tuple[str, ...]
    region: str
    credentials: Credentials = field(repr=False)
    expires_at: float | None = None
    ends_at: float | None = None
    endpoint_url: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How to sign in.

    :ivar human: who may be asked; None prompts nobody and opens no browser.
    :ivar fresh: what is cached is not good enough.
    :ivar reason: what guards may ask for; ``confirmed`` likewise.
    """

    human: Human | None = None
    fresh: bool = False
    reason: str | None = None
    confirmed: bool = False


def sign_in(
    config: AuthConfig,
    identity: Identity,
    terms: Terms,
    *,
    environ: Mapping[str, str],
    clock: Callable[[], float] = time.time,
) -> SignedIn:
    """Sign in as ``identity``.

    :raises NeedsHuman: when somebody has to do something and ``terms.human`` is None.
    :raises CredentialsError: when a guard refuses, or credentials are unusable.
    :raises EksauthError: whichever other kind says why not.
    """
    asked = guard.demands(config, identity, *_clusters(config, identity))
    try:
        answers = guard.answer(asked, identity, reason=terms.reason, confirmed=terms.confirmed, human=terms.human)
    except CredentialsError as error:
        audit.append(environ, {"event": "refused", "identity": identity.name, "code": error.code}, now=clock())
        raise
    session = authenticate(config, identity, environ=environ, human=terms.human, fresh=terms.fresh, clock=clock)
    context = context_of(config, identity, environ=environ, human=terms.human, clock=clock)
    caller = prove(config, identity, session.credentials, context)
    now = clock()
    ends_at = now + asked.grant_seconds if asked.max_session_seconds is not None else None
    event: dict[str, str | float | None] = {
        "event": "login",
        "account": caller.account,
        "arn": caller.arn,
        "reason": answers.reason,
        "until": ends_at or session.credentials.expires_at,
    }
    unwritten = record(config, identity, environ, event, now=now)
    guard.record_grant(config, identity, environ, asked=asked, answers=answers, now=now, user=caller.arn)
    _warm(config, session, environ, now)
    clipped = guard.clip(session.credentials, ends_at)
    return SignedIn(
        identity=identity,
        caller=caller,
        chain=session.chain,
        region=session.region,
        credentials=session.credentials,
        expires_at=clipped.expires_at,
        ends_at=ends_at,
        endpoint_url=endpoint_of(config, identity, context),
        warnings=(*session.warnings, *([unwritten] if unwritten else [])),
    )


def _warm(config: AuthConfig, session: Session, environ: Mapping[str, str], now: float) -> None:
    """Leave what lets kubectl's first token be a quick one, for entries that name this configuration and realm."""
    named = replace(config, searched=False)
    until = guard.hot_until(config, session.identity, environ, now)
    with suppress(EksauthError):
        remember(named, session, environ=environ, spelled=session.identity.name, realm=config.realm, until=until)


def _clusters(config: AuthConfig, identity: Identity) -> list[str]:
    """Return the clusters that this login is for: their guards are answered now, for kubectl cannot ask."""
    return [
        guard.cluster_reference(each.cluster_name, region=each.region) for each in integrations_of(config, identity)
    ]
