"""The device grant: the person opens a page anywhere, and types or checks a code (RFC 8628)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from eksauth.credentials.identities.contract import Human
from eksauth.credentials.sso.clients import Answer, answers, required
from eksauth.credentials.sso.grant import granted
from eksauth.credentials.sso.portal import Portal
from eksauth.credentials.sso.token import DEVICE_GRANT, Registration, Token
from eksauth.errors import AwsUnreachable, CredentialsError

DEFAULT_INTERVAL_SECONDS = 5
SLOW_DOWN_SECONDS = 5
"""Added for this and all further waits with each ``slow_down`` (section 3.5)."""
_MAX_INTERVAL_SECONDS = 60
_MAX_WAIT_SECONDS = 3600
_GRACE_SECONDS = 60
"""The service says when a code has expired, by its own clock; when it never does, we stop this much later by ours."""


def device_grant(
    client: Any,
    portal: Portal,
    registration: Registration,
    human: Human,
    *,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> Token:
    """Have the person confirm a code, and return the token that this gives.

    :raises CredentialsError: when the person refuses or does nothing in time.
    :raises Answer: when the service refuses for another reason.
    :raises KeyboardInterrupt: whenever the person leaves.
    """
    hint = f"check start_url and region of provider '{portal.provider}'"
    with answers(f"starting a sign-in at {portal.start_url}", hint=hint):
        started = client.start_device_authorization(
            clientId=registration.client_id, clientSecret=registration.client_secret, startUrl=portal.start_url
        )
        device_code, user_code = required(started, "deviceCode"), required(started, "userCode")
        address = required(started, "verificationUri")
        complete = started.get("verificationUriComplete") or address
        deadline = clock() + min(float(started["expiresIn"]), _MAX_WAIT_SECONDS) + _GRACE_SECONDS
        interval = min(max(1.0, float(started.get("interval") or DEFAULT_INTERVAL_SECONDS)), _MAX_INTERVAL_SECONDS)
    _show(human, portal, user_code, address, str(complete))
    while clock() < deadline:
        sleep(interval)
        try:
            return _ask(client, portal, registration, device_code, clock())
        except Answer as answer:
            if answer.name == "SlowDownException":
                interval += SLOW_DOWN_SECONDS
            elif answer.name != "AuthorizationPendingException":
                raise _final(answer, portal) from None
        except AwsUnreachable:
            interval = min(interval * 2, max(interval, _MAX_INTERVAL_SECONDS))
    raise _too_late(portal)


def _ask(client: Any, portal: Portal, registration: Registration, device_code: str, now: float) -> Token:
    with answers(f"signing in at {portal.start_url}"):
        answer = client.create_token(
            clientId=registration.client_id,
            clientSecret=registration.client_secret,
            grantType=DEVICE_GRANT,
            deviceCode=device_code,
        )
        return granted(answer, portal, registration, now)


def _show(human: Human, portal: Portal, user_code: str, address: str, complete: str) -> None:
    if human.browse(complete):
        human.tell(f"a browser is open at {portal.start_url}; confirm there that the code is {user_code}")
        human.tell(f"no browser? open {address} on any device and type the code")
        return
    human.tell(f"to sign in at {portal.start_url}, open this page on any device:")
    human.tell(f"  {complete}")
    human.tell(f"and check that it shows the code {user_code}, or type it at {address}")


def _final(answer: Answer, portal: Portal) -> CredentialsError | Answer:
    if answer.name == "ExpiredTokenException":
        return _too_late(portal)
    if answer.name == "AccessDeniedException":
        return denied(portal)
    return answer


def denied(portal: Portal) -> CredentialsError:
    """Return the error for a person, or an administrator, who said no."""
    return CredentialsError(
        f"the sign-in at {portal.start_url} was refused in the browser",
        hint="allow the request there, or ask who runs the portal whether you may use it",
        code="sso.denied",
    )


def _too_late(portal: Portal) -> CredentialsError:
    return CredentialsError(
        f"nobody confirmed the sign-in at {portal.start_url} in time",
        hint="run the command again and confirm the code in the browser",
        code="sso.not_confirmed",
    )
