"""CreateSession: a signed request for a role's credentials, and what it means when Roles Anywhere says no.

https://docs.aws.amazon.com/rolesanywhere/latest/userguide/authentication-create-session.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from eksauth.aws.arn import parse_arn
from eksauth.credentials.identities.contract import Context
from eksauth.credentials.model import Credentials, unusable_field
from eksauth.credentials.plain_http import Answer, NoAnswer, is_safe_url, request
from eksauth.credentials.roles_anywhere.signing import X509Signer, signed_headers
from eksauth.credentials.timestamps import epoch_of
from eksauth.errors import AwsError, ConfigError, CredentialsError, EksauthError

ATTEMPTS = 3
_PAUSE_SECONDS = 1.0
_MAX_SKEW_SECONDS = 300
_MAX_TEXT = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCall:
    """What is asked for.

    :ivar session_name: None unless configured: profiles do not accept one unless they are told to.
    """

    identity: str
    role_arn: str
    profile_arn: str
    trust_anchor_arn: str
    duration_seconds: int | None = None
    session_name: str | None = None
    endpoint_url: str | None = None

    @property
    def region(self) -> str:
        """That of the trust anchor; it has to be the one that is asked."""
        return parse_arn(self.trust_anchor_arn).region


def create_session(call: SessionCall, signer: X509Signer, context: Context) -> Credentials:
    """Trade a signature for credentials of the role.

    :raises AwsError: when Roles Anywhere refuses.
    :raises AwsUnreachable: when it does not answer.
    """
    body = {"profileArn": call.profile_arn, "roleArn": call.role_arn, "trustAnchorArn": call.trust_anchor_arn}
    asked: dict[str, object] = {**body}
    if call.duration_seconds is not None:
        asked["durationSeconds"] = call.duration_seconds
    if call.session_name is not None:
        asked["roleSessionName"] = call.session_name
    url = _url(call)
    answer = _send(url, json.dumps(asked).encode(), call, signer, context)
    if answer.status not in {200, 201}:
        raise explain_refusal(answer, call, signer, context.clock())
    return _credentials(answer, call)


def _url(call: SessionCall) -> str:
    base = call.endpoint_url or _regional_endpoint(call.region)
    if not is_safe_url(base):
        raise ConfigError(
            f"the endpoint of Roles Anywhere for identity '{call.identity}' is not an https address",
            hint="check endpoint_url and AWS_ENDPOINT_URL",
        )
    return base.rstrip("/") + "/sessions"


def _regional_endpoint(region: str) -> str:
    import botocore
    import botocore.config

    from eksauth.credentials.botocore_errors import translated
    from eksauth.credentials.botocore_session import open_session

    with translated(None, doing="looking for Roles Anywhere"):
        session = open_session(None, explicit=False, region=region)
        config = botocore.config.Config(signature_version=botocore.UNSIGNED)
        client = session.create_client("rolesanywhere", region, config=config)
        try:
            return str(client.meta.endpoint_url)
        finally:
            client.close()


def _send(url: str, body: bytes, call: SessionCall, signer: X509Signer, context: Context) -> Answer:
    parts = urlsplit(url)
    doing = f"getting a session for {call.role_arn}"
    failure: NoAnswer | None = None
    answer: Answer | None = None
    for turn in range(ATTEMPTS):
        if turn:
            context.sleep(_PAUSE_SECONDS * 2 ** (turn - 1))
        date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(context.clock()))
        headers = signed_headers(
            signer,
            host=parts.netloc,
            path=parts.path,
            body=body,
            region=call.region,
            date=date,
            content_type="application/json",
        )
        try:
            answer = request("POST", url, headers=headers, environ=context.environ, body=body, doing=doing)
        except NoAnswer as error:
            answer, failure = None, error
            continue
        if answer.status < 500 and answer.status != 429:
            break
    if answer is None and failure is not None:
        raise failure
    assert answer is not None  # noqa: S101  one of the two is there after a turn
    return answer


def explain_refusal(answer: Answer, call: SessionCall, signer: X509Signer, now: float) -> EksauthError:
    """Say what an answer means for this certificate and role."""
    told = _object(answer.body)
    code = (answer.headers.get("x-amzn-errortype") or str(told.get("__type") or told.get("code") or "")).split(":")[0]
    code = code.rpartition("#")[2] or f"status_{answer.status}"
    text = " ".join(str(told.get("message") or told.get("Message") or "").split())
    text = "".join([letter for letter in text if letter.isprintable()])[:_MAX_TEXT].rstrip(".")
    said, lower = f": {text}" if text else "", text.lower()
    skew = _skew(answer, now)
    if skew is not None and answer.status in {400, 401, 403}:
        return CredentialsError(
            f"Roles Anywhere refused the request, and this machine's clock is {abs(skew):.0f} seconds off{said}",
            hint="set the clock (NTP), then try again",
            code="roles_anywhere.clock",
        )
    if answer.status == 429 or answer.status >= 500:
        return AwsError(
            f"Roles Anywhere still answers {answer.status} after {ATTEMPTS} tries{said}",
            hint="try again in a moment",
            code=f"aws.{code}",
        )
    hint = "the trust anchor and the profile must be enabled, and the profile must list the role"
    if "untrusted" in lower or "certificate" in lower:
        hint = (
            "the certificate must be issued by the authority of the trust anchor; put intermediate certificates "
            "behind it in the file"
        )
    elif "assume role" in lower or "not authorized to perform: sts" in lower:
        hint = (
            "the role must trust rolesanywhere.amazonaws.com with sts:AssumeRole, sts:TagSession and "
            "sts:SetSourceIdentity, and its conditions must fit the certificate"
        )
    elif "session name" in lower or "sessionname" in lower:
        hint = "leave principal.session_name out, or let the profile accept session names"
    elif "duration" in lower:
        hint = "lower principal.duration, or raise the durations of the profile and the role"
    return AwsError(
        f"Roles Anywhere refused {call.role_arn} to the certificate with serial number {signer.serial} ({code}){said}",
        hint=hint,
        code=f"aws.{code}",
    )


def _skew(answer: Answer, now: float) -> float | None:
    try:
        there = parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return there - now if abs(there - now) > _MAX_SKEW_SECONDS else None


def _credentials(answer: Answer, call: SessionCall) -> Credentials:
    try:
        found: Mapping[str, Any] = _object(answer.body)["credentialSet"][0]["credentials"]
        made = Credentials(
            str(found["accessKeyId"]),
            str(found["secretAccessKey"]),
            str(found["sessionToken"]),
            float(epoch_of(str(found["expiration"])) or 0),
            f"role {call.role_arn}",
        )
    except (KeyError, IndexError, TypeError):
        made = None
    if made is None or not made.expires_at or unusable_field(made):
        raise AwsError(
            "what answered is not Roles Anywhere: the answer cannot be read",
            hint="check the proxy variables and AWS_ENDPOINT_URL",
            code="aws.answer",
        )
    return made


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
