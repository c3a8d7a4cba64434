"""The query of ``GET /authorize``, judged: who wants what, and where the answer goes (RFC 6749, RFC 7636)."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlencode

from eksauth.sandbox.aws.request import Parameters, parse_pairs
from eksauth.sandbox.aws.sso.center import IdentityCenter
from eksauth.sandbox.aws.sso.faults import oidc_fault
from eksauth.sandbox.aws.sso.grants import is_challenge
from eksauth.sandbox.aws.sso.registrations import AUTHORIZATION_CODE, Registration

_LONGEST_STATE = 2048


@dataclass(frozen=True)
class AuthorizationRequest:
    """A request that a person can decide on."""

    client: Registration
    redirect_uri: str
    state: str | None = field(repr=False)
    challenge: str = field(repr=False)
    scopes: tuple[str, ...]


class RedirectedFault(Exception):
    """A refusal that the client is told about, at its redirect URI."""

    def __init__(self, location: str) -> None:
        super().__init__("the client is told")
        self.location = location


def read_authorization_request(query: bytes, center: IdentityCenter, now: float) -> AuthorizationRequest:
    """Judge the query of an authorization request.

    :raises ServiceFault: while it is not known where an answer may go; for people to read.
    :raises RedirectedFault: once it is.
    """
    parameters = Parameters(parse_pairs(query))
    client = center.clients.find(parameters.get("client_id") or "")
    if client is None:
        raise oidc_fault("invalid_client", "This sign-in link names no client that is registered here.")
    if client.expires_at <= now:
        raise oidc_fault("invalid_client", "The registration of the client has expired.")
    redirect_uri = parameters.get("redirect_uri") or ""
    if not client.takes_redirect(redirect_uri):
        # never redirect to a place that the client did not register: RFC 6749 section 4.1.2.1
        raise oidc_fault("invalid_redirect_uri", "This sign-in link leads to a place that its client did not register.")
    state = parameters.get("state")
    if state is not None and len(state) > _LONGEST_STATE:
        raise oidc_fault("invalid_request", "The state of this sign-in link is too long.")

    def refuse(error: str, message: str) -> RedirectedFault:
        return RedirectedFault(_with_query(redirect_uri, error=error, error_description=message, state=state))

    if parameters.get("response_type") != "code":
        raise refuse("unsupported_response_type", "response_type has to be code")
    if AUTHORIZATION_CODE not in client.grant_types:
        raise refuse("unauthorized_client", "the client is not registered for the authorization code grant")
    if parameters.get("code_challenge_method") != "S256":
        raise refuse("invalid_request", "code_challenge_method has to be S256")
    challenge = parameters.get("code_challenge") or ""
    if not is_challenge(challenge):
        raise refuse("invalid_request", "code_challenge has to be a SHA-256 in base64url")
    # the service says scopes where the standard says scope
    wanted = (parameters.get("scopes") or parameters.get("scope") or "").replace(",", " ").split()
    if not set(wanted) <= set(client.scopes):
        raise refuse("invalid_scope", "the client is not registered for that scope")
    return AuthorizationRequest(client, redirect_uri, state, challenge, tuple(dict.fromkeys(wanted)) or client.scopes)


def allow(asked: AuthorizationRequest, center: IdentityCenter, *, user_name: str, visit: str = "", now: float) -> str:
    """Issue a code and return where the browser goes with it."""
    grant = center.codes.issue(
        client_id=asked.client.client_id,
        redirect_uri=asked.redirect_uri,
        challenge=asked.challenge,
        scopes=asked.scopes,
        user_name=user_name,
        expires_at=now + center.settings.code_seconds,
        visit=visit,
    )
    return _with_query(asked.redirect_uri, code=grant.code, state=asked.state)


def deny(asked: AuthorizationRequest) -> str:
    """Return where the browser goes after a person said no."""
    return _with_query(
        asked.redirect_uri, error="access_denied", error_description="the person said no", state=asked.state
    )


def _with_query(uri: str, **parameters: str | None) -> str:
    encoded = urlencode({name: value for name, value in parameters.items() if value is not None})
    return f"{uri}{'&' if '?' in uri else '?'}{encoded}"
