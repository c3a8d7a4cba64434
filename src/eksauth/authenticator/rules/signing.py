"""Rules about what a token was signed for: call, headers, time, scope, signature. Pure."""

from __future__ import annotations

from eksauth.authenticator.rules.amz_time import epoch_of_amz_date, spell_seconds
from eksauth.authenticator.rules.evidence import OTHER_PLUGIN, Evidence, NotReached, shown
from eksauth.authenticator.rules.refusal import Refusal
from eksauth.token.bearer import TOKEN_LIFE_SECONDS
from eksauth.token.sigv4 import ALGORITHM, CLUSTER_ID_HEADER

MAX_URL_EXPIRES_SECONDS = 900
MAX_FUTURE_SECONDS = 5 * 60
"""How far ahead of ours the clock of a signer may be. STS allows 15 minutes, which would make a token live for 30."""
_DIGITS = frozenset("0123456789")
_LOWER_HEX = frozenset("0123456789abcdef")
_KEY_ID = _DIGITS | frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")
_NEW_TOKEN = "mint a new token with 'eksauth token'; tokens live 15 minutes and are made for each use"
_UNSIGNED = "if it was copied, copy all of it; else take --no-sign-request out of the exec arguments or the alias"


def check_action(evidence: Evidence) -> Refusal | None:
    """Check that the call is GetCallerIdentity."""
    action = evidence.need_parameters().get("action", "")
    if action == "GetCallerIdentity":
        return None
    what = f"another call, {shown(action)}" if action else "no call"
    return Refusal("token.unexpected_action", f"the URL is for {what}, not GetCallerIdentity", OTHER_PLUGIN)


def check_cluster_id_signed(evidence: Evidence) -> Refusal | None:
    """Check that the cluster id header is signed."""
    if CLUSTER_ID_HEADER in evidence.need_signed_headers():
        return None
    return Refusal(
        "token.cluster_id_not_signed",
        f"the signature does not cover the header {CLUSTER_ID_HEADER}, so the token is for no cluster",
        OTHER_PLUGIN,
    )


def check_host_signed(evidence: Evidence) -> Refusal | None:
    """Check that the host is signed."""
    if "host" in evidence.need_signed_headers():
        return None
    return Refusal("token.host_not_signed", "the signature does not cover the host", OTHER_PLUGIN)


def check_no_other_headers(evidence: Evidence) -> Refusal | None:
    """Check that no other header is signed."""
    headers = evidence.need_signed_headers()
    others = [header for header in headers if header not in {"host", CLUSTER_ID_HEADER}]
    if others or len(set(headers)) != len(headers):
        what = shown(";".join(others or headers))
        return Refusal(
            "token.extra_signed_headers",
            f"the signature covers headers that do not belong to a token: {what}",
            f"sign host and {CLUSTER_ID_HEADER}, nothing else",
        )
    return None


def check_expires(evidence: Evidence) -> Refusal | None:
    """Check that X-Amz-Expires is from 0 to 900, written as Go reads whole numbers."""
    value = evidence.need_parameters().get("x-amz-expires", "")
    digits = value[1:] if value[:1] in {"+", "-"} else value
    if digits and _DIGITS.issuperset(digits):
        significant = digits.lstrip("0")
        if not significant or (
            len(significant) <= 3 and value[0] != "-" and int(significant) <= MAX_URL_EXPIRES_SECONDS
        ):
            return None
    return Refusal(
        "token.invalid_expires",
        f"X-Amz-Expires must be a whole number from 0 to {MAX_URL_EXPIRES_SECONDS}",
        "sign with X-Amz-Expires=60; the life of a token does not depend on it",
    )


def check_date(evidence: Evidence) -> Refusal | None:
    """Check that X-Amz-Date is a time."""
    value = evidence.need_parameters().get("x-amz-date")
    if value is None:
        return Refusal("token.missing_date", "the URL has no X-Amz-Date", OTHER_PLUGIN)
    whole = value
    if len(value) > 17 and value[15] in ".," and value[-1] == "Z" and _DIGITS.issuperset(value[16:-1]):
        whole = value[:15] + "Z"
    evidence.signed_at = epoch_of_amz_date(whole)
    if evidence.signed_at is None:
        return Refusal("token.invalid_date", "X-Amz-Date is not a time of the form YYYYMMDDTHHMMSSZ", OTHER_PLUGIN)
    if whole != value:
        return Refusal("token.fractional_date", "X-Amz-Date has a fraction of a second", OTHER_PLUGIN)
    return None


def check_not_expired(evidence: Evidence) -> Refusal | None:
    """Check that the token is at most 15 minutes old."""
    age = evidence.now - evidence.need_date()
    if age <= TOKEN_LIFE_SECONDS:
        return None
    return Refusal("token.expired", f"the token expired {spell_seconds(age - TOKEN_LIFE_SECONDS)} ago", _NEW_TOKEN)


def check_not_future(evidence: Evidence) -> Refusal | None:
    """Check that the token is dated at most 5 minutes ahead."""
    ahead = evidence.need_date() - evidence.now
    if ahead <= MAX_FUTURE_SECONDS:
        return None
    return Refusal(
        "token.future_date",
        f"the token is dated {spell_seconds(ahead)} in the future",
        "set the clock of the machine that minted it (NTP)",
    )


def check_algorithm(evidence: Evidence) -> Refusal | None:
    """Check that the algorithm is AWS4-HMAC-SHA256."""
    if evidence.need_parameters().get("x-amz-algorithm") == ALGORITHM:
        return None
    return Refusal("token.unexpected_algorithm", f"X-Amz-Algorithm is not {ALGORITHM}", OTHER_PLUGIN)


def check_credential(evidence: Evidence) -> Refusal | None:
    """Check that X-Amz-Credential names an access key and a scope."""
    evidence.need_parameters()
    pieces = evidence.credential
    if len(pieces) == 5 and pieces[4] == "aws4_request" and 0 < len(pieces[0]) <= 128 and _KEY_ID.issuperset(pieces[0]):
        return None
    if not pieces:
        return Refusal("token.unsigned", "the URL has no X-Amz-Credential: it is not signed", _UNSIGNED)
    return Refusal(
        "token.malformed_credential", "X-Amz-Credential is not KEY/DATE/REGION/sts/aws4_request", OTHER_PLUGIN
    )


def check_scope_date(evidence: Evidence) -> Refusal | None:
    """Check that the scope's day is that of X-Amz-Date."""
    date = evidence.need_parameters().get("x-amz-date", "")
    if evidence.need_credential()[1] == date[:8]:
        return None
    return Refusal("token.scope_date_mismatch", "X-Amz-Credential and X-Amz-Date name different days", OTHER_PLUGIN)


def check_scope_service(evidence: Evidence) -> Refusal | None:
    """Check that the scope's service is sts."""
    service = evidence.need_credential()[3]
    if service == "sts":
        return None
    return Refusal(
        "token.scope_service_mismatch",
        f"the URL is signed for service {shown(service)}, not sts",
        OTHER_PLUGIN,
    )


def check_scope_region(evidence: Evidence) -> Refusal | None:
    """Check that the scope's region is the host's."""
    region = evidence.need_credential()[2]
    if evidence.host is None:
        raise NotReached
    if region == evidence.host.scope_region:
        return None
    return Refusal(
        "token.scope_region_mismatch",
        f"the URL is signed for region {shown(region)}, its host is of {evidence.host.scope_region}",
        "mint the token with one region; do not change the host of a signed URL",
    )


def check_signature(evidence: Evidence) -> Refusal | None:
    """Check that the signature has the right form."""
    signature = evidence.need_parameters().get("x-amz-signature", "")
    if not signature:
        return Refusal("token.unsigned", "the URL has no X-Amz-Signature: it is cut off or not signed", _UNSIGNED)
    if len(signature) == 64 and _LOWER_HEX.issuperset(signature):
        return None
    hint = "the token was cut off or altered on its way; mint a new one and pass all of it"
    return Refusal("token.malformed_signature", "X-Amz-Signature is not 64 lower-case hex digits", hint)
