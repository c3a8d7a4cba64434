"""Every rule that a token must obey before STS is asked, in the order of aws-iam-authenticator, ours in between.

A rule that the reference does not have is marked by ``stricter``: the codes that it, and only it, may answer for tokens
that the reference would let through. ``docs/reference/verify.md`` explains each. Pure: ``now`` is a parameter.
"""

from __future__ import annotations

import calendar
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from eksauth.authenticator import token_text
from eksauth.authenticator.presigned_url import (
    PresignedUrl,
    has_control_characters,
    parse_query,
    split_url,
    unsafe_bytes,
)
from eksauth.authenticator.refusal import Refusal
from eksauth.authenticator.sts_host import StsHost, refuse_host, understand_host
from eksauth.token.bearer import TOKEN_LIFE_SECONDS
from eksauth.token.sigv4 import ALGORITHM, CLUSTER_ID_HEADER

MAX_URL_EXPIRES_SECONDS = 900
MAX_FUTURE_SECONDS = 5 * 60
"""How far ahead of ours the clock of a signer may be; STS draws the same line."""
ALLOWED_PARAMETERS = frozenset(
    [
        "action",
        "version",
        "x-amz-algorithm",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-expires",
        "x-amz-security-token",
        "x-amz-signature",
        "x-amz-signedheaders",
    ]
)
_DIGITS = frozenset("0123456789")
_LOWER_HEX = frozenset("0123456789abcdef")
_KEY_ID = _DIGITS | frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")
_NEW_TOKEN = "mint a new token with 'eksauth token'; tokens live 15 minutes and are made for each use"
_OTHER_PLUGIN = "the program that minted this does not follow the token format; use 'eksauth token'"


@dataclass(slots=True)
class Evidence:
    """What is known about a token so far; each rule adds what it could read. ``repr`` shows nothing of the token."""

    token: bytes = field(repr=False)
    now: float
    partition: str | None
    decoded: bytes | None = field(default=None, repr=False)
    url: PresignedUrl | None = field(default=None, repr=False)
    host: StsHost | None = None
    parameters: dict[str, str] | None = field(default=None, repr=False)
    pairs: list[tuple[str, str]] | None = field(default=None, repr=False)
    signed_at: int | None = None

    @property
    def credential(self) -> list[str]:
        """The pieces of X-Amz-Credential: access key id, date, region, service, terminator; empty when absent."""
        value = (self.parameters or {}).get("x-amz-credential", "")
        return value.split("/") if value else []


class NotReached(Exception):
    """An earlier failure left nothing for this rule to look at."""


Check = Callable[[Evidence], Refusal | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    :param name: stable, for machines.
    :param title: what must hold, for people.
    :param stricter: reason codes of this rule that the reference authenticator does not have.
    """

    name: str
    title: str
    check: Check
    stricter: tuple[str, ...] = ()


def _size(evidence: Evidence) -> Refusal | None:
    return token_text.refuse_size(evidence.token)


def _prefix(evidence: Evidence) -> Refusal | None:
    if len(evidence.token) > token_text.MAX_TOKEN_BYTES:
        raise NotReached
    return token_text.refuse_prefix(evidence.token)


def _base64(evidence: Evidence) -> Refusal | None:
    if len(evidence.token) > token_text.MAX_TOKEN_BYTES or token_text.refuse_prefix(evidence.token):
        raise NotReached
    evidence.decoded, refusal = token_text.decode_body(evidence.token)
    return refusal


def _url(evidence: Evidence) -> Refusal | None:
    raw = evidence.decoded
    if raw is None:
        raise NotReached
    url = None if has_control_characters(raw) else split_url(raw)
    if url is None:
        return Refusal("token.not_a_url", "the token does not hold a URL", _OTHER_PLUGIN)
    evidence.url = url
    if unsafe_bytes(raw):
        return Refusal("token.unsafe_characters", "the URL holds characters that must be escaped", _OTHER_PLUGIN)
    if url.has_fragment:
        return Refusal("token.fragment", "the URL has a fragment (#)", _OTHER_PLUGIN)
    if "@" in url.authority:
        return Refusal("token.userinfo", "the URL names a user before its host", _OTHER_PLUGIN)
    return None


def _scheme(evidence: Evidence) -> Refusal | None:
    if _need_url(evidence).scheme == "https":
        return None
    return Refusal(
        "token.not_https", f"the URL's scheme is {evidence_text(_need_url(evidence).scheme)}, not https", _OTHER_PLUGIN
    )


def _host(evidence: Evidence) -> Refusal | None:
    name = _need_url(evidence).authority
    evidence.host = understand_host(name)
    return refuse_host(name, evidence.partition)


def _path(evidence: Evidence) -> Refusal | None:
    path = _need_url(evidence).path
    if path == "/":
        return None
    return Refusal("token.unexpected_path", f"the URL's path is {evidence_text(path)}, not '/'", _OTHER_PLUGIN)


def _query(evidence: Evidence) -> Refusal | None:
    evidence.pairs = parse_query(_need_url(evidence).query)
    if evidence.pairs is None:
        hint = "the token was altered on its way, or cut off; mint a new one"
        return Refusal("token.malformed_query", "the URL's query is malformed", hint)
    lowered: dict[str, str] = {}
    for name, value in evidence.pairs:
        lowered.setdefault(name.lower() if name.isascii() else name, value)
    evidence.parameters = lowered
    return None


def _unique_names(evidence: Evidence) -> Refusal | None:
    spellings: dict[str, str] = {}
    for name, _ in _need_pairs(evidence):
        if name.isascii() and spellings.setdefault(name.lower(), name) != name:
            return Refusal(
                "token.duplicate_parameter",
                f"parameter {evidence_text(name)} is given twice, spelled differently",
                "somebody may have tampered with this token; mint a new one",
            )
    return None


def _known_names(evidence: Evidence) -> Refusal | None:
    for name, _ in _need_pairs(evidence):
        if not name.isascii():
            return Refusal("token.unsafe_characters", "a parameter's name is not ASCII", _OTHER_PLUGIN)
        if name.lower() not in ALLOWED_PARAMETERS:
            return Refusal(
                "token.unexpected_parameter", f"parameter {evidence_text(name)} does not belong", _OTHER_PLUGIN
            )
    return None


def _single_values(evidence: Evidence) -> Refusal | None:
    for name, count in Counter(name for name, _ in _need_pairs(evidence)).items():
        if count > 1:
            return Refusal(
                "token.repeated_parameter", f"parameter {evidence_text(name)} is given {count} times", _OTHER_PLUGIN
            )
    return None


def _action(evidence: Evidence) -> Refusal | None:
    action = _need_parameters(evidence).get("action", "")
    if action == "GetCallerIdentity":
        return None
    what = f"another call, {evidence_text(action)}" if action else "no call"
    return Refusal("token.unexpected_action", f"the URL is for {what}, not GetCallerIdentity", _OTHER_PLUGIN)


def _cluster_id_signed(evidence: Evidence) -> Refusal | None:
    if CLUSTER_ID_HEADER in _signed_headers(evidence):
        return None
    return Refusal(
        "token.cluster_id_not_signed",
        f"the signature does not cover the header {CLUSTER_ID_HEADER}, so the token is for no cluster",
        _OTHER_PLUGIN,
    )


def _host_signed(evidence: Evidence) -> Refusal | None:
    if "host" in _signed_headers(evidence):
        return None
    return Refusal("token.host_not_signed", "the signature does not cover the host", _OTHER_PLUGIN)


def _no_other_headers(evidence: Evidence) -> Refusal | None:
    headers = _signed_headers(evidence)
    others = [header for header in headers if header not in {"host", CLUSTER_ID_HEADER}]
    if others or len(set(headers)) != len(headers):
        what = evidence_text(";".join(others or headers))
        return Refusal(
            "token.extra_signed_headers",
            f"the signature covers headers that no authenticator sends: {what}",
            f"sign host and {CLUSTER_ID_HEADER}, nothing else",
        )
    return None


def _expires(evidence: Evidence) -> Refusal | None:
    value = _need_parameters(evidence).get("x-amz-expires", "")
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


def _date(evidence: Evidence) -> Refusal | None:
    value = _need_parameters(evidence).get("x-amz-date")
    if value is None:
        return Refusal("token.missing_date", "the URL has no X-Amz-Date", _OTHER_PLUGIN)
    whole = value
    if len(value) > 17 and value[15] in ".," and value[-1] == "Z" and _DIGITS.issuperset(value[16:-1]):
        whole = value[:15] + "Z"
    evidence.signed_at = epoch_of_amz_date(whole)
    if evidence.signed_at is None:
        return Refusal("token.invalid_date", "X-Amz-Date is not a time of the form YYYYMMDDTHHMMSSZ", _OTHER_PLUGIN)
    if whole != value:
        return Refusal("token.fractional_date", "X-Amz-Date has a fraction of a second", _OTHER_PLUGIN)
    return None


def _not_expired(evidence: Evidence) -> Refusal | None:
    age = evidence.now - _need_date(evidence)
    if age <= TOKEN_LIFE_SECONDS:
        return None
    return Refusal("token.expired", f"the token expired {spell_seconds(age - TOKEN_LIFE_SECONDS)} ago", _NEW_TOKEN)


def _not_future(evidence: Evidence) -> Refusal | None:
    ahead = _need_date(evidence) - evidence.now
    if ahead <= MAX_FUTURE_SECONDS:
        return None
    return Refusal(
        "token.future_date",
        f"the token is dated {spell_seconds(ahead)} in the future",
        "set the clock of the machine that minted it (NTP); STS would refuse the signature too",
    )


def _algorithm(evidence: Evidence) -> Refusal | None:
    if _need_parameters(evidence).get("x-amz-algorithm") == ALGORITHM:
        return None
    return Refusal("token.unexpected_algorithm", f"X-Amz-Algorithm is not {ALGORITHM}", _OTHER_PLUGIN)


def _credential(evidence: Evidence) -> Refusal | None:
    _need_parameters(evidence)
    pieces = evidence.credential
    if len(pieces) == 5 and pieces[4] == "aws4_request" and 0 < len(pieces[0]) <= 128 and _KEY_ID.issuperset(pieces[0]):
        return None
    if not pieces:
        return Refusal("token.unsigned", "the URL has no X-Amz-Credential: it is not signed", _UNSIGNED)
    return Refusal(
        "token.malformed_credential", "X-Amz-Credential is not KEY/DATE/REGION/sts/aws4_request", _OTHER_PLUGIN
    )


_UNSIGNED = "take --no-sign-request out of the exec arguments or the alias; the token must be signed"


def _scope_date(evidence: Evidence) -> Refusal | None:
    date = _need_parameters(evidence).get("x-amz-date", "")
    if _need_credential(evidence)[1] == date[:8]:
        return None
    return Refusal("token.scope_date_mismatch", "X-Amz-Credential and X-Amz-Date name different days", _OTHER_PLUGIN)


def _scope_service(evidence: Evidence) -> Refusal | None:
    service = _need_credential(evidence)[3]
    if service == "sts":
        return None
    return Refusal(
        "token.scope_service_mismatch",
        f"the URL is signed for service {evidence_text(service)}, not sts",
        _OTHER_PLUGIN,
    )


def _scope_region(evidence: Evidence) -> Refusal | None:
    region = _need_credential(evidence)[2]
    if evidence.host is None:
        raise NotReached
    if region == evidence.host.scope_region:
        return None
    return Refusal(
        "token.scope_region_mismatch",
        f"the URL is signed for region {evidence_text(region)}, its host is of {evidence.host.scope_region}",
        "mint the token with one region; do not change the host of a signed URL",
    )


def _signature(evidence: Evidence) -> Refusal | None:
    signature = _need_parameters(evidence).get("x-amz-signature", "")
    if not signature:
        return Refusal("token.unsigned", "the URL has no X-Amz-Signature: it is cut off or not signed", _UNSIGNED)
    if len(signature) == 64 and _LOWER_HEX.issuperset(signature):
        return None
    hint = "the token was cut off or altered on its way; mint a new one and pass all of it"
    return Refusal("token.malformed_signature", "X-Amz-Signature is not 64 lower-case hex digits", hint)


RULES: tuple[Rule, ...] = (
    Rule("size", "at most 16 KiB", _size),
    Rule("prefix", "begins with k8s-aws-v1.", _prefix),
    Rule("base64", "continues in canonical base64url", _base64, ("token.not_canonical",)),
    Rule(
        "url",
        "holds one plain URL, without user or fragment",
        _url,
        ("token.unsafe_characters", "token.fragment", "token.userinfo"),
    ),
    Rule("scheme", "the URL is https", _scheme),
    Rule(
        "host",
        "its host is STS in a region of the cluster's partition",
        _host,
        ("token.region_unknown", "token.partition_mismatch"),
    ),
    Rule("path", "its path is /", _path),
    Rule("query", "its query is well formed", _query),
    Rule("unique-parameters", "no parameter in two spellings", _unique_names),
    Rule("known-parameters", "only parameters of a presigned call", _known_names, ("token.unsafe_characters",)),
    Rule("single-values", "each parameter once", _single_values),
    Rule("action", "it calls GetCallerIdentity", _action),
    Rule("cluster-id-signed", "the cluster id header is signed", _cluster_id_signed),
    Rule("host-signed", "the host is signed", _host_signed, ("token.host_not_signed",)),
    Rule("no-other-headers", "no other header is signed", _no_other_headers, ("token.extra_signed_headers",)),
    Rule("expires", "X-Amz-Expires is from 0 to 900", _expires),
    Rule("date", "X-Amz-Date is a time", _date, ("token.fractional_date",)),
    Rule("not-expired", "not older than 15 minutes", _not_expired),
    Rule("not-future", "not dated more than 5 minutes ahead", _not_future, ("token.future_date",)),
    Rule("algorithm", "signed with AWS4-HMAC-SHA256", _algorithm, ("token.unexpected_algorithm",)),
    Rule(
        "credential",
        "names an access key and a scope",
        _credential,
        ("token.unsigned", "token.malformed_credential"),
    ),
    Rule("scope-date", "the scope's day is that of X-Amz-Date", _scope_date, ("token.scope_date_mismatch",)),
    Rule("scope-service", "the scope's service is sts", _scope_service, ("token.scope_service_mismatch",)),
    Rule("scope-region", "the scope's region is the host's", _scope_region, ("token.scope_region_mismatch",)),
    Rule("signature", "the signature has the right form", _signature, ("token.unsigned", "token.malformed_signature")),
)
"""In this order; the first that fails is the reason a cluster gives."""

TIGHTENINGS = frozenset(code for rule in RULES for code in rule.stricter)
"""The reason codes that a token may get here although the reference authenticator would ask STS about it."""


def check_rules(evidence: Evidence) -> Iterator[tuple[Rule, Refusal | NotReached | None]]:
    """Run every rule in order; each answers None (holds), a refusal, or that there was nothing left to look at."""
    for rule in RULES:
        try:
            yield rule, rule.check(evidence)
        except NotReached as signal:
            yield rule, signal


def first_refusal(evidence: Evidence) -> Refusal | None:
    """Return what a cluster would answer, or None when STS must be asked; stops at the first failure."""
    for rule in RULES:
        refusal = rule.check(evidence)
        if refusal is not None:
            return refusal
    return None


def epoch_of_amz_date(text: str) -> int | None:
    """Return seconds since the epoch for ``YYYYMMDDTHHMMSSZ``, or None; years before 1 and leap seconds are refused."""
    if len(text) != 16 or text[8] != "T" or text[15] != "Z" or not _DIGITS.issuperset(text[:8] + text[9:15]):
        return None
    year, month, day = int(text[:4]), int(text[4:6]), int(text[6:8])
    hour, minute, second = int(text[9:11]), int(text[11:13]), int(text[13:15])
    if year == 0 or not 1 <= month <= 12 or hour > 23 or minute > 59 or second > 59:
        return None
    if not 1 <= day <= calendar.monthrange(year, month)[1]:
        return None
    return calendar.timegm((year, month, day, hour, minute, second))


def spell_seconds(seconds: float) -> str:
    """Return a span of time for people: ``40 seconds``, ``12 minutes``, ``3 hours``, ``2 days``."""
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {unit}s"
    count = max(1, int(seconds))
    return "1 second" if count == 1 else f"{count} seconds"


def evidence_text(text: str) -> str:
    """Return a short, printable form of something a stranger wrote; never used for signatures or session tokens."""
    return ascii(text if len(text) <= 60 else f"{text[:57]}...")


def _need_url(evidence: Evidence) -> PresignedUrl:
    if evidence.url is None:
        raise NotReached
    return evidence.url


def _need_pairs(evidence: Evidence) -> list[tuple[str, str]]:
    if evidence.pairs is None:
        raise NotReached
    return evidence.pairs


def _need_parameters(evidence: Evidence) -> dict[str, str]:
    if evidence.parameters is None:
        raise NotReached
    return evidence.parameters


def _need_date(evidence: Evidence) -> int:
    if evidence.signed_at is None:
        raise NotReached
    return evidence.signed_at


def _need_credential(evidence: Evidence) -> list[str]:
    _need_parameters(evidence)
    if len(evidence.credential) != 5:
        raise NotReached
    return evidence.credential


def _signed_headers(evidence: Evidence) -> list[str]:
    return _need_parameters(evidence).get("x-amz-signedheaders", "").lower().split(";")
