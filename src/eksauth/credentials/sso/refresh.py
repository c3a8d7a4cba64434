"""The refresh grant: a new access token without a person, asked for by one process while the others wait.

botocore refreshes the same files without a lock, so the file is read again whenever time has passed: somebody else may
have been there first.
"""

from __future__ import annotations

from typing import Any

from eksauth.credentials.identities.contract import Context
from eksauth.credentials.identities.failures import failure_since, forget_failure, note_failure
from eksauth.credentials.identities.trust import require_trust
from eksauth.credentials.sso.clients import Answer, answers, oidc_client
from eksauth.credentials.sso.files import check_writable, locked, read_token, write_token
from eksauth.credentials.sso.grant import granted
from eksauth.credentials.sso.portal import Portal
from eksauth.credentials.sso.same_sign_in import note_renewal
from eksauth.credentials.sso.spent import forget_spent, is_spent, note_spent
from eksauth.credentials.sso.token import REFRESH_GRANT, Registration, Token
from eksauth.credentials.sso.uninterrupted import uninterrupted
from eksauth.errors import EksauthError

_DEAD = frozenset(
    ("InvalidGrantException", "ExpiredTokenException", "InvalidClientException", "UnauthorizedClientException")
)
"""Answers after which this refresh token, or the client that it belongs to, is of no use any more."""


def refreshed(portal: Portal, stale: Token, context: Context) -> Token | None:
    """Return a token that is newer than ``stale``, or None when only a person can get one.

    :raises AwsUnreachable: when the service cannot be reached.
    :raises EksauthError: when it refuses for a reason that will pass, or the token could not be kept.
    """
    environ = context.environ
    waiting_since = context.clock()
    if _client_of(stale, waiting_since) is None or is_spent(environ, portal, stale):
        return None
    with locked(environ, portal, "refresh", sleep=context.sleep):
        current = read_token(environ, portal)
        if current is None:  # signed out while we waited
            return None
        now = context.clock()
        if current.access_token != stale.access_token and current.expires_at > now:
            return current
        client = _client_of(current, now)
        if client is None or is_spent(environ, portal, current):
            return None
        failed = failure_since(environ, _failures(portal), waiting_since)
        if failed is not None:
            raise failed
        return _refresh(portal, current, client, context)


def _client_of(token: Token, now: float) -> Registration | None:
    """Return the client that may use the refresh token, or None when there is no token, or no living client."""
    return token.client if token.refresh_token and token.client and token.client.expires_at > now else None


def _refresh(portal: Portal, token: Token, registration: Registration, context: Context) -> Token | None:
    if portal.endpoint_url is not None:
        require_trust(context, "asking the endpoint_url", portal.provider)
    check_writable(context.environ)
    client = oidc_client(portal, endpoint_url=portal.endpoint_url)
    try:
        with uninterrupted():
            new = _exchange(client, portal, token, registration, context.clock())
            note_renewal(context.environ, portal, new)
            write_token(context.environ, portal, new)
    except Answer as answer:
        return _refused(portal, token, context, answer)
    except EksauthError as error:
        note_failure(context.environ, _failures(portal), error, context.clock())
        raise
    finally:
        client.close()
    forget_failure(context.environ, _failures(portal))
    forget_spent(context.environ, portal)
    return new


def _refused(portal: Portal, token: Token, context: Context, answer: Answer) -> Token | None:
    rival = read_token(context.environ, portal)
    if rival is not None and rival.access_token != token.access_token and rival.expires_at > context.clock():
        return rival  # another tool used the refresh token first
    if answer.name in _DEAD:
        note_spent(context.environ, portal, token)
        return None
    error = answer.plain()
    note_failure(context.environ, _failures(portal), error, context.clock())
    raise error


def _exchange(client: Any, portal: Portal, token: Token, registration: Registration, now: float) -> Token:
    with answers(f"renewing the sign-in at {portal.start_url}"):
        answer = client.create_token(
            clientId=registration.client_id,
            clientSecret=registration.client_secret,
            grantType=REFRESH_GRANT,
            refreshToken=token.refresh_token,
        )
        return granted(answer, portal, registration, now, refresh_token=token.refresh_token)


def _failures(portal: Portal) -> str:
    return f"sso-{portal.token_key}"
