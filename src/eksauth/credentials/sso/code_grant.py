"""The authorization-code grant with a proof key: the person confirms in a browser on this machine, without a code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from eksauth.credentials.identities.contract import Human
from eksauth.credentials.sso.clients import Answer, answers
from eksauth.credentials.sso.device import denied
from eksauth.credentials.sso.grant import granted
from eksauth.credentials.sso.loopback import Callback, Listener
from eksauth.credentials.sso.pkce import authorize_url, new_proof
from eksauth.credentials.sso.portal import Portal
from eksauth.credentials.sso.registration import REDIRECT_PATH
from eksauth.credentials.sso.token import CODE_GRANT, Registration, Token
from eksauth.errors import CredentialsError

WAIT_SECONDS = 600.0
"""How long the page is waited for; the AWS CLI waits as long."""


def code_grant(
    client: Any,
    portal: Portal,
    registration: Registration,
    human: Human,
    *,
    clock: Callable[[], float],
    wait: float = WAIT_SECONDS,
) -> Token:
    """Have the person confirm in a browser, and return the token that this gives.

    :param wait: seconds.
    :raises CredentialsError: when the person refuses or does nothing in time, or no port is free.
    :raises Answer: when the service refuses for another reason.
    :raises KeyboardInterrupt: whenever the person leaves.
    """
    proof = new_proof()
    try:
        listener = Listener(REDIRECT_PATH, proof.state)
    except OSError as error:
        raise CredentialsError(
            f"no port on 127.0.0.1 can be listened on: {(error.strerror or 'unknown error').lower()}",
            hint="sign in with a code instead: --no-browser, or 'flow: device' in the provider",
            code="sso.no_port",
        ) from None
    with listener:
        url = authorize_url(client.meta.endpoint_url, registration.client_id, listener.url, portal.scopes, proof)
        _show(human, portal, url)
        callback = listener.wait(wait)
        if callback is None:
            raise CredentialsError(
                f"nobody confirmed the sign-in at {portal.start_url} within {wait / 60:.0f} minutes",
                hint="run the command again; without a browser on this machine add --no-browser",
                code="sso.not_confirmed",
            )
        code = _code(callback, portal)
        now = clock()
        with answers(f"signing in at {portal.start_url}"):
            answer = client.create_token(
                clientId=registration.client_id,
                clientSecret=registration.client_secret,
                grantType=CODE_GRANT,
                code=code,
                codeVerifier=proof.verifier,
                redirectUri=listener.url,
            )
            return granted(answer, portal, registration, now)


def _code(callback: Callback, portal: Portal) -> str:
    if callback.code is not None:
        return callback.code
    if callback.error == "access_denied":
        raise denied(portal)
    raise Answer(callback.error[:60], "", doing=f"signing in at {portal.start_url}")


def _show(human: Human, portal: Portal, url: str) -> None:
    if human.browse(url):
        human.tell(f"a browser is open at {portal.start_url}; confirm the sign-in there")
        human.tell("no browser? open this page on this machine, or leave with Ctrl-C and add --no-browser:")
    else:
        human.tell(f"to sign in at {portal.start_url}, open this page in a browser on this machine:")
    human.tell(f"  {url}")
