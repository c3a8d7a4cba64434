"""Signing in with a person: one process does it, others that want the same wait for what comes of it."""

from __future__ import annotations

from typing import Any, Literal

from eksauth.credentials.config.model import Provider
from eksauth.credentials.identities.contract import Context, Human, login_hint
from eksauth.credentials.identities.trust import require_trust
from eksauth.credentials.sso.clients import Answer, oidc_client
from eksauth.credentials.sso.code_grant import WAIT_SECONDS, code_grant
from eksauth.credentials.sso.device import device_grant
from eksauth.credentials.sso.files import check_writable, locked, read_token, write_token
from eksauth.credentials.sso.portal import Portal
from eksauth.credentials.sso.registration import forget_registration, registration_for
from eksauth.credentials.sso.spent import forget_spent
from eksauth.credentials.sso.token import CODE_GRANT, DEVICE_GRANT, Token
from eksauth.errors import AwsError, CredentialsError

_UNKNOWN_CLIENT = frozenset(("InvalidClientException", "UnauthorizedClientException"))
_NO_CODE_GRANT = frozenset(
    (
        "InvalidClientMetadataException",
        "InvalidRedirectUriException",
        "InvalidRequestException",
        "UnsupportedGrantTypeException",
    )
)
"""Answers to a registration that mean that this service knows no authorization codes."""


def choose_flow(wanted: Literal["auto", "device", "pkce"], human: Human) -> str:
    """Return the grant to use: a browser in front of the person means the code grant, anything else a device code."""
    if wanted == "auto":
        return CODE_GRANT if human.has_browser() else DEVICE_GRANT
    return CODE_GRANT if wanted == "pkce" else DEVICE_GRANT


def sign_in(provider: Provider, portal: Portal, context: Context, human: Human) -> Token:
    """Have the person sign in, keep the token and return it.

    When another process is just doing that, its token is returned as soon as it is there.

    :raises CredentialsError: when the person refuses or does nothing in time, or the token cannot be kept.
    :raises AwsError: when the service refuses or cannot be reached.
    :raises KeyboardInterrupt: whenever the person leaves; nothing is left behind.
    """
    if portal.endpoint_url is not None:
        require_trust(context, "asking the endpoint_url", portal.provider)
    check_writable(context.environ)
    before = read_token(context.environ, portal)
    waiting = _Waiting(portal, context, human)
    with locked(context.environ, portal, "sign-in", sleep=waiting.sleep, wait=WAIT_SECONDS):
        after = read_token(context.environ, portal)
        if after is not None and (before is None or after.access_token != before.access_token):
            if after.expires_at > context.clock():
                return after
        elif waiting.told and not human.confirm("the other sign-in was not finished; sign in here"):
            raise CredentialsError(
                f"nobody signed in to '{portal.provider}'", hint=login_hint(portal.provider), code="sso.not_confirmed"
            )
        token = _new_token(provider, portal, context, human)
        with locked(context.environ, portal, "refresh", sleep=context.sleep):
            write_token(context.environ, portal, token)
            forget_spent(context.environ, portal)
    return token


class _Waiting:
    """Says once that somebody else is signing in."""

    def __init__(self, portal: Portal, context: Context, human: Human) -> None:
        self.told = False
        self._portal, self._context, self._human = portal, context, human

    def sleep(self, seconds: float) -> None:
        if not self.told:
            self.told = True
            self._human.tell(f"another eksauth is signing in to '{self._portal.provider}'; waiting for it")
        self._context.sleep(seconds)


def _new_token(provider: Provider, portal: Portal, context: Context, human: Human) -> Token:
    client = oidc_client(portal, endpoint_url=portal.endpoint_url)
    grant = choose_flow(provider.flow, human)
    try:
        try:
            return _attempt(client, portal, context, human, grant)
        except _CannotRegister as error:
            if grant != CODE_GRANT or provider.flow != "auto" or error.answer.name not in _NO_CODE_GRANT:
                raise _explained(error.answer) from None
            return _attempt(client, portal, context, human, DEVICE_GRANT)
    except _CannotRegister as error:
        raise _explained(error.answer) from None
    except Answer as answer:
        raise _explained(answer) from None
    finally:
        client.close()


class _CannotRegister(Exception):
    def __init__(self, answer: Answer) -> None:
        super().__init__(str(answer))
        self.answer = answer


def _attempt(client: Any, portal: Portal, context: Context, human: Human, grant: str) -> Token:
    for first in (True, False):
        try:
            registration, reused = registration_for(client, portal, grant, environ=context.environ, now=context.clock())
        except Answer as answer:
            raise _CannotRegister(answer) from None
        try:
            if grant == CODE_GRANT:
                return code_grant(client, portal, registration, human, clock=context.clock)
            return device_grant(client, portal, registration, human, clock=context.clock, sleep=context.sleep)
        except Answer as answer:
            if answer.name not in _UNKNOWN_CLIENT:
                raise
            forget_registration(context.environ, portal)
            # with a code the person would have to confirm again, and is not asked to without being told
            if not (first and reused and grant == DEVICE_GRANT):
                raise
    raise AssertionError("the second attempt returns or raises")


def _explained(answer: Answer) -> AwsError:
    if answer.name in _UNKNOWN_CLIENT:
        answer.hint = "the registration had ended; run the command again"
    return answer.plain()
