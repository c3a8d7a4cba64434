"""The federation endpoint: from temporary credentials to somebody signed in to a console.

The rules are those of https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_enable-console-custom-url.html
"""

from __future__ import annotations

import hmac
import json
from urllib.parse import urlsplit

import msgspec

from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.model import Caller
from eksauth.sandbox.aws.request import Parameters
from eksauth.sandbox.aws.sessions import SessionStore
from eksauth.sandbox.aws.sso.pages.answers import show
from eksauth.sandbox.aws.sso.pages.html import fill
from eksauth.sandbox.aws.sso.signin_tokens import SigninTokens
from eksauth.sandbox.aws.wire import Answer

_CHAINED_SECONDS = 3600
_CONSOLES = ("aws.amazon.com", "amazonaws-us-gov.com", "amazonaws.cn", "amazonaws-eusc.eu")


class _Session(msgspec.Struct, rename="camel"):
    session_id: str
    session_key: str
    session_token: str


def serve_federation(
    parameters: Parameters, tokens: SigninTokens, sessions: SessionStore, now: float
) -> tuple[Answer, Caller]:
    """Answer /federation; returns also whom it is about.

    :raises ServiceFault: with a message for people, as the endpoint's refusals are.
    """
    if parameters.get("Action") == "getSigninToken":
        return _get_signin_token(parameters, tokens, sessions, now)
    return _login(parameters, tokens, now)


def _get_signin_token(
    parameters: Parameters, tokens: SigninTokens, sessions: SessionStore, now: float
) -> tuple[Answer, Caller]:
    caller, ends_at = _verify(parameters.get("Session") or "", sessions, now)
    seconds = _duration(parameters.get("SessionDuration"), caller, int(ends_at - now))
    document = {"SigninToken": tokens.issue(caller, seconds, now)}
    return Answer(200, json.dumps(document).encode(), "application/json", {"Cache-Control": "no-store"}), caller


def _verify(text: str, sessions: SessionStore, now: float) -> tuple[Caller, float]:
    try:
        given = msgspec.json.decode(text, type=_Session)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise _refusal(
            "Session has to be a JSON object with sessionId, sessionKey and sessionToken.", code="InvalidSession"
        ) from None
    session = sessions.get(given.session_id)
    if (
        session is None
        or not _same(given.session_key, session.secret_access_key)
        or not _same(given.session_token, session.session_token)
    ):
        raise _refusal("The credentials of the session are not valid.", code="InvalidSession")
    if session.expires_at <= now:
        raise _refusal("The credentials of the session have expired.", code="ExpiredSession")
    if session.caller.is_user or session.caller.is_root:
        raise _refusal("Only sessions of roles and federated users can sign in to the console.", code="InvalidSession")
    return session.caller, session.expires_at


def _duration(text: str | None, caller: Caller, left: int) -> int:
    """Return how long the console session lasts: as long as the credentials, unless a role's session says otherwise."""
    if text is None:
        return left
    if not (text.isascii() and text.isdigit() and 900 <= int(text[:9]) <= 43200):
        raise _refusal("SessionDuration is a number of seconds between 900 and 43200.", code="InvalidSessionDuration")
    if caller.is_federated_user:
        raise _refusal("SessionDuration does not go with federated users.", code="InvalidSessionDuration")
    if caller.is_chained and int(text) > _CHAINED_SECONDS:
        raise _refusal("A role that another role assumed signs in for an hour at most.", code="InvalidSessionDuration")
    return int(text)


def _login(parameters: Parameters, tokens: SigninTokens, now: float) -> tuple[Answer, Caller]:
    destination = parameters.get("Destination") or ""
    if not _is_console(destination):
        raise _refusal("Destination has to be an https URL of the console.", code="InvalidDestination")
    signed_in = tokens.take(parameters.get("SigninToken") or "", now)
    if signed_in is None:
        raise _refusal("The sign-in token is not valid, has been used, or has expired.", code="InvalidSigninToken")
    content = fill(
        _CONSOLE,
        arn=signed_in.caller.arn,
        account=signed_in.caller.account,
        minutes=signed_in.seconds // 60,
        destination=destination,
        issuer=parameters.get("Issuer") or "not given",
    )
    return show("Console", content), signed_in.caller


def _is_console(destination: str) -> bool:
    try:
        parts = urlsplit(destination)
        host = parts.hostname or ""
    except ValueError:
        return False
    plain = parts.scheme == "https" and parts.username is None and destination.isprintable()
    return plain and any(host == name or host.endswith(f".{name}") for name in _CONSOLES)


def _same(given: str, real: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), real.encode())


def _refusal(message: str, *, code: str) -> ServiceFault:
    return ServiceFault(code, message, 400)


_CONSOLE = """<h1>Console</h1>
<p class="done" role="status">You are signed in. A real account would show its console here.</p>
<dl><dt>Identity</dt><dd id="arn">{arn}</dd><dt>Account</dt><dd>{account}</dd>
<dt>For</dt><dd id="minutes">{minutes} minutes</dd>
<dt>Destination</dt><dd id="destination">{destination}</dd><dt>Issuer</dt><dd>{issuer}</dd></dl>"""
