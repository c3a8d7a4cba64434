"""Signing a browser in to the AWS console as an identity, through the federation endpoint of its partition.

Credentials of a role are traded for a sign-in token, which signs in whoever has it within 15 minutes. So the URL that
holds it is a secret: it goes to the browser, or to stdout when that was asked for, and nowhere else.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from eksauth.credentials import guard
from eksauth.credentials.botocore_errors import unreadable_answer
from eksauth.credentials.config.model import AuthConfig, Identity, Provider
from eksauth.credentials.identities.chain import links_of
from eksauth.credentials.identities.contract import Context, Human, login_hint
from eksauth.credentials.model import Credentials
from eksauth.credentials.plain_http import is_safe_url, request
from eksauth.credentials.recording import record
from eksauth.errors import AwsError, ConfigError, CredentialsError, UsageError
from eksauth.login.caller import endpoint_of
from eksauth.login.programs.console_places import destination_url, federation_endpoint
from eksauth.login.programs.environment import region_for
from eksauth.login.programs.usable import usable_session

ISSUER = "eksauth"
SHORTEST_SECONDS, LONGEST_SECONDS = 900, 43200
CHAINED_SECONDS = 3600
"""AWS lets a role that another role assumed last an hour, in the console as elsewhere."""
_DOING = "signing in to the console"
_ROLES = frozenset(
    (
        "aws/permission-set",
        "aws/assume-role",
        "aws/roles-anywhere",
        "aws/container",
        "aws/pod-identity",
        "aws/imds",
    )
)
_NEVER = {
    "aws/user": "an IAM user's own keys",
    "aws/assume-root": "a root session",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleRequest:
    """What is wanted.

    :ivar destination: a short name, a URL, or None for the console's home.
    :ivar seconds: how long the browser stays signed in; None leaves it to the provider's setting, then to AWS.
    """

    destination: str | None = None
    seconds: int | None = None
    issuer: str = ISSUER
    human: Human | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """A way in.

    :ivar url: holds a sign-in token.
    :ivar seconds: how long the browser stays signed in where that was said, else None: as long as the credentials.
    """

    url: str = field(repr=False)
    destination: str
    account: str | None
    seconds: int | None
    ends_at: float | None
    warnings: tuple[str, ...] = ()


def console_sign_in(
    config: AuthConfig,
    identity: Identity,
    wanted: ConsoleRequest,
    *,
    environ: Mapping[str, str],
    clock: Callable[[], float] = time.time,
) -> SignIn:
    """Return a URL that signs a browser in as ``identity``.

    :raises UsageError: for a duration or destination that cannot be, or an identity that no console takes.
    :raises CredentialsError: when there are no credentials, or they are not of a kind that can sign in.
    :raises AwsError: when AWS refuses.
    """
    kind = identity.kind
    if kind in _NEVER:
        raise UsageError(
            f"AWS signs nobody in to the console with {_NEVER[kind]} (identity '{identity.name}')",
            hint="sign in as a role: an aws/assume-role or aws/permission-set identity",
            code="console.kind",
        )
    seconds = duration(config, identity, wanted.seconds)
    session = usable_session(config, identity, environ=environ, human=wanted.human, clock=clock)
    region = region_for(identity, environ, session.region)
    destination = destination_url(wanted.destination, region)
    if session.credentials.session_token is None:
        raise CredentialsError(
            f"identity '{identity.name}' has keys without a session, and AWS signs nobody in with these",
            hint="sign in as a role: an aws/assume-role or aws/permission-set identity",
            code="console.kind",
        )
    now = clock()
    seconds = _within_guard(config, identity, guard.check(config, identity, environ, now), seconds, now)
    event = {"event": "console", "account": session.account, "region": region}
    warning = record(config, identity, environ, event, now=now)
    endpoint = _endpoint(config, identity, environ, region)
    token = _signin_token(endpoint, session.credentials, seconds, identity, environ)
    query = urlencode({"Action": "login", "Issuer": wanted.issuer, "Destination": destination, "SigninToken": token})
    return SignIn(
        url=f"{endpoint}?{query}",
        destination=destination,
        account=session.account,
        seconds=seconds,
        ends_at=session.credentials.expires_at if seconds is None else now + seconds,
        warnings=(*session.warnings, *([warning] if warning else [])),
    )


def duration(config: AuthConfig, identity: Identity, asked: int | None) -> int | None:
    """Return the duration to send, None to send none.

    A role that another role assumed gets an hour at most: more is refused here, with the reason, as AWS would without.

    :param asked: on the command line; else ``console.session_duration`` of the provider counts.
    :raises UsageError: when AWS would refuse it.
    """
    links = links_of(config, identity)
    seconds = asked
    if seconds is None and isinstance(links[0], Provider):
        seconds = links[0].console_seconds
    if seconds is None:
        return None
    if not SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS:
        raise UsageError(
            f"a console session lasts {SHORTEST_SECONDS // 60} minutes to {LONGEST_SECONDS // 3600} hours",
            hint="for example --duration 8h",
            code="console.duration",
        )
    if not is_chained(config, identity) or seconds <= CHAINED_SECONDS:
        return seconds
    if asked is None:  # the provider's setting is for roles that it gives itself
        return None
    raise UsageError(
        f"AWS ends the console session of '{identity.name}' after an hour: its role is assumed from another role",
        hint="leave --duration out, or ask for at most 1h",
        code="console.duration",
    )


def is_chained(config: AuthConfig, identity: Identity) -> bool:
    """Tell whether the identity's role is certainly assumed from another role; profiles may hold anything."""
    links = [link for link in links_of(config, identity) if isinstance(link, Identity)]
    return identity.kind == "aws/assume-role" and any(link.kind in _ROLES for link in links[:-1])


def _within_guard(
    config: AuthConfig, identity: Identity, until: float | None, seconds: int | None, now: float
) -> int | None:
    """Cut the duration where a guard ends the session: what a browser has, nobody can take back."""
    if until is None:
        return seconds
    left = int(until - now)
    if left < SHORTEST_SECONDS:
        raise CredentialsError(
            f"a guard ends the session of '{identity.name}' in {max(left, 0)} seconds, "
            f"and the console knows no session shorter than {SHORTEST_SECONDS}",
            hint=login_hint(identity.name),
            code="guard.expired",
        )
    return min(left, seconds or (CHAINED_SECONDS if is_chained(config, identity) else LONGEST_SECONDS))


def _endpoint(config: AuthConfig, identity: Identity, environ: Mapping[str, str], region: str) -> str:
    """Return the federation endpoint: that of an emulator where one stands for AWS, else the partition's own."""
    base = None
    if not config.searched:
        base = endpoint_of(config, identity, Context(config=config, environ=environ, region=region))
    if base is None and environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() != "true":
        base = environ.get("AWS_ENDPOINT_URL_SIGNIN") or environ.get("AWS_ENDPOINT_URL")
    return f"{base.rstrip('/')}/federation" if base else federation_endpoint(region)


def _signin_token(
    endpoint: str, credentials: Credentials, seconds: int | None, identity: Identity, environ: Mapping[str, str]
) -> str:
    """Trade credentials for a sign-in token; they go into the body, so that no proxy finds them in an address."""
    given = {
        "sessionId": credentials.access_key_id,
        "sessionKey": credentials.secret_access_key,
        "sessionToken": credentials.session_token,
    }
    form = {"Action": "getSigninToken", "Session": json.dumps(given)}
    if seconds is not None:
        form["SessionDuration"] = str(seconds)
    if not is_safe_url(endpoint):
        raise ConfigError("the federation endpoint is no https URL", hint="check AWS_ENDPOINT_URL and endpoint_url")
    answer = request(
        "POST",
        endpoint,
        headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
        environ=environ,
        body=urlencode(form).encode(),
        doing=_DOING,
    )
    if answer.status != 200:
        raise AwsError(
            f"the federation endpoint refused to sign '{identity.name}' in (HTTP {answer.status})",
            hint="credentials that another role or a session of an IAM user made may only last an hour there; "
            "without --duration AWS decides",
            code="aws.federation",
        )
    try:
        token = json.loads(answer.body)["SigninToken"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise unreadable_answer(_DOING) from None
    if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token:
        raise unreadable_answer(_DOING)
    return token
