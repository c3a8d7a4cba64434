"""An access token for a portal, from the cheapest source that has one: the file, a renewal, or a person."""

from __future__ import annotations

from eksauth.credentials.config.model import Provider
from eksauth.credentials.identities.contract import Context, NeedsHuman, login_hint
from eksauth.credentials.sso.files import read_token
from eksauth.credentials.sso.portal import Portal, portal_of
from eksauth.credentials.sso.refresh import refreshed
from eksauth.credentials.sso.token import Token
from eksauth.errors import AwsUnreachable

MIN_REMAINING_SECONDS = 300
"""An access token with less life than this is renewed when that costs nobody anything."""
_LAST_SECONDS = 10

_signed_in_here: set[str] = set()
"""Access tokens that a person got in this very process: asking that person again would get nothing fresher."""


def access_token(provider: Provider, context: Context, *, refused: str | None = None) -> Token:
    """Return a token that the portal should take.

    A stored token is a sign-in, not a cached answer: only somebody who wants to sign in anew (``fresh``) replaces it.

    :param refused: an access token that the portal has just refused although it had not expired.
    :raises NeedsHuman: when a person has to sign in and ``context.human`` is None.
    :raises EksauthError: when the service refuses or cannot be reached.
    """
    portal = portal_of(provider)
    stored = read_token(context.environ, portal)
    if stored is not None and not _wants_to_sign_in(context, stored):
        token = _without_asking(portal, stored, context, refused)
        if token is not None:
            return token
    if context.human is None:
        raise _needs_human(portal, stored, context.clock(), refused)
    from eksauth.credentials.sso.sign_in import sign_in

    token = sign_in(provider, portal, context, context.human)
    _signed_in_here.add(token.access_token)
    return token


def _wants_to_sign_in(context: Context, stored: Token) -> bool:
    # without a cache (--no-cache) everything is fresh, and a sign-in is still not an answer that was kept
    return context.fresh and context.use_cache and stored.access_token not in _signed_in_here


def _without_asking(portal: Portal, stored: Token, context: Context, refused: str | None) -> Token | None:
    if stored.access_token == refused:
        return refreshed(portal, stored, context)
    remaining = stored.expires_at - context.clock()
    if remaining >= MIN_REMAINING_SECONDS:
        return stored
    alive = stored if remaining > _LAST_SECONDS else None
    try:
        return refreshed(portal, stored, context) or alive
    except AwsUnreachable:
        if alive is not None:
            return alive
        raise


def _needs_human(portal: Portal, stored: Token | None, now: float, refused: str | None) -> NeedsHuman:
    where = f"'{portal.provider}' ({portal.start_url})"
    if stored is None:
        what = f"nobody is signed in to {where}"
    elif refused is not None and stored.expires_at > now:
        what = f"the portal does not accept the sign-in to {where} any more"
    elif stored.expires_at > now:
        what = f"signing in to {where} anew takes a person"
    else:
        what = f"the sign-in to {where} has expired"
    return NeedsHuman(what, hint=login_hint(portal.provider), code="sso.login_needed")
