"""What an STS answer means: a caller, a refusal of this token, or an outage that says nothing about the token. Pure.

Error codes are those of the AWS Query APIs; see the common errors in the STS API reference. Message texts of STS are
looked at for two clues and then dropped: they may quote the request.
"""

from __future__ import annotations

import json
from http import HTTPStatus

from eksauth.authenticator.identity import CallerIdentity
from eksauth.errors import AwsError, Refused

MAX_REPLY_BYTES = 64 * 1024

_THROTTLES = {
    "BandwidthLimitExceeded",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequests",
    "TooManyRequestsException",
}
_OUTAGES = {"InternalFailure", "InternalError", "ServiceUnavailable", "ServiceFailure", "RequestTimeout"}
_ASK_AGAIN = "ask again in a moment; several authenticators and retries share one limit per account"

_REFUSALS = {
    "SignatureDoesNotMatch": (
        "sts.signature_mismatch",
        "STS says that the signature does not match",
        "usually the token is for another cluster name: compare it letter by letter; else the secret key is wrong",
    ),
    "InvalidClientTokenId": (
        "sts.invalid_client_token",
        "STS does not know the access key id, or it is inactive",
        "the key was deleted or deactivated, is of another partition, or its region is not enabled in the account",
    ),
    "ExpiredToken": (
        "sts.expired_credentials",
        "STS says that the session credentials behind the token have expired",
        "refresh the credentials (sign in again, assume the role again) and mint a new token",
    ),
    "AccessDenied": (
        "sts.access_denied",
        "STS denied the call",
        "GetCallerIdentity needs no permission; look for an endpoint policy or a proxy in front of STS",
    ),
    "MissingAuthenticationToken": ("sts.not_signed", "STS says that the request is not signed", None),
    "IncompleteSignature": ("sts.incomplete_signature", "STS says that the signature is incomplete", None),
    "RegionDisabledException": (
        "sts.region_disabled",
        "STS is not enabled in this region for the account",
        "enable the region in the account, or mint the token for another region",
    ),
}
_ALIASES = {
    "ExpiredTokenException": "ExpiredToken",
    "UnrecognizedClientException": "InvalidClientTokenId",
    "InvalidAccessKeyId": "InvalidClientTokenId",
    "AccessDeniedException": "AccessDenied",
    "InvalidSignatureException": "SignatureDoesNotMatch",
    "MissingAuthenticationTokenException": "MissingAuthenticationToken",
    "IncompleteSignatureException": "IncompleteSignature",
    "RegionDisabled": "RegionDisabledException",
}


class StsRefused(Refused):
    """STS looked at the token and said no; asking again gives the same answer."""

    code = "sts.refused"


class StsUnavailable(AwsError):
    """STS gave no judgement: not reached, too slow, throttled, broken. Asking again may help."""

    code = "sts.unreachable"


def read_reply(status: int, body: bytes) -> CallerIdentity:
    """Return who STS says is calling.

    :param body: the whole reply, decompressed, at most :data:`MAX_REPLY_BYTES`.
    :raises StsRefused: STS refuses the token.
    :raises StsUnavailable: throttling, server errors, redirects, and replies that STS would not write.
    """
    if status == HTTPStatus.OK:
        return _caller(body)
    if 300 <= status < 400:
        raise StsUnavailable(
            f"STS answered with a redirect ({status}), which is not followed",
            hint="something between here and STS answers in its place: a proxy or a wrong endpoint override",
            code="sts.redirected",
        )
    code, message = _error_of(body)
    if code in _THROTTLES or status == HTTPStatus.TOO_MANY_REQUESTS or (code is None and b"Throttling" in body):
        raise StsUnavailable("STS is throttling", hint=_ASK_AGAIN, code="sts.throttled")
    if status >= 500 or code in _OUTAGES:
        raise StsUnavailable(f"STS failed with status {status}", hint="ask again in a moment", code="sts.server_error")
    if status < 400:
        raise _not_sts(f"status {status}")
    raise _refusal(status, code, message)


def _refusal(status: int, code: str | None, message: str) -> StsRefused | StsUnavailable:
    if code is None:
        # without an error code it was not STS that said no
        return _not_sts(f"status {status} without an error code")
    known = _ALIASES.get(code, code)
    if known == "SignatureDoesNotMatch" and "not yet current" in message:
        return StsRefused(
            "STS says that the token is dated in the future",
            hint="set the clock of the machine that minted it (NTP)",
            code="sts.not_yet_current",
        )
    if (known == "SignatureDoesNotMatch" and "Signature expired" in message) or known == "RequestExpired":
        return StsRefused(
            "STS says that the token's signature has expired",
            hint="mint a new token; if it is new, set the clock of the machine that minted it",
            code="sts.signature_expired",
        )
    reason, text, hint = _REFUSALS.get(known, ("sts.refused", f"STS refused the token: {code}", None))
    return StsRefused(text, hint=hint or "mint the token with 'eksauth token' and pass it unchanged", code=reason)


def _caller(body: bytes) -> CallerIdentity:
    value = _strict_json(body)
    if value is None:
        raise _not_sts("it is not JSON without duplicate keys")
    for key in ("GetCallerIdentityResponse", "GetCallerIdentityResult"):
        value = value.get(key) if isinstance(value, dict) else None
    if not isinstance(value, dict):
        raise _not_sts("it holds no GetCallerIdentityResult")
    fields = [value.get(key) for key in ("Account", "Arn", "UserId")]
    account, arn, user_id = (field if isinstance(field, str) and _is_plain(field) else "" for field in fields)
    if not (account and arn and user_id):
        raise _not_sts("Account, Arn and UserId must be texts")
    return CallerIdentity(account=account, arn=arn, user_id=user_id)


def _is_plain(text: str) -> bool:
    return len(text) <= 2048 and text.isprintable()


def _not_sts(what: str) -> StsUnavailable:
    return StsUnavailable(
        f"the answer does not come from STS: {what}",
        hint="something between here and STS answers in its place: a proxy or a wrong endpoint override",
        code="sts.malformed_reply",
    )


def _error_of(body: bytes) -> tuple[str | None, str]:
    """Return the error code and message of a JSON or XML error reply; the code is None when there is none."""
    value = _strict_json(body)
    if isinstance(value, dict):
        error = value.get("Error")
        if error is None and isinstance(value.get("ErrorResponse"), dict):
            error = value["ErrorResponse"].get("Error")
        if isinstance(error, dict):
            code, message = error.get("Code"), error.get("Message")
            if isinstance(code, str) and _is_code(code):
                return code, message if isinstance(message, str) else ""
        return None, ""
    code = _between(body, b"<Code>", b"</Code>")
    return (code, _between(body, b"<Message>", b"</Message>")) if _is_code(code) else (None, "")


def _is_code(text: str) -> bool:
    return 0 < len(text) <= 64 and text.isascii() and text.replace(".", "").isalnum()


def _between(body: bytes, start: bytes, end: bytes) -> str:
    _, found, rest = body.partition(start)
    text, closed, _ = rest.partition(end)
    return text.decode("latin-1") if found and closed else ""


def _strict_json(body: bytes) -> object:
    """Return the JSON value, or None for anything else; duplicate keys, NaN and excessive depth count as anything."""
    try:
        return json.loads(body.decode(), object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("duplicate key")
    return value


def _no_constant(name: str) -> object:
    raise ValueError(name)
