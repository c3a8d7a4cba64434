"""Taking a token apart, offline: what it says about itself and which rules it would break.

Everything here is what the token claims; only STS can vouch for it. Signature and session token are not kept.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace

from eksauth.authenticator.arguments import checked_partition
from eksauth.authenticator.rules.amz_time import spell_seconds
from eksauth.authenticator.rules.evidence import Evidence, NotReached
from eksauth.authenticator.rules.order import check_rules
from eksauth.authenticator.rules.refusal import Refusal
from eksauth.authenticator.rules.token_text import RELEASED_MAX_TOKEN_BYTES, as_bytes, unwrap
from eksauth.aws.access_keys import KINDS, unverified_account_of
from eksauth.token.bearer import TOKEN_LIFE_SECONDS

_STS_VERSION = "2011-06-15"
_MAX_SHOWN = 200


@dataclass(frozen=True, slots=True)
class RuleResult:
    """How a token fares under one rule.

    :param outcome: ``pass``, ``fail``, or ``not_reached`` when an earlier failure left nothing to look at.
    :param stricter: the failure is one that released versions of aws-iam-authenticator would let through to STS.
    """

    rule: str
    title: str
    outcome: str
    code: str | None = None
    message: str | None = None
    hint: str | None = None
    stricter: bool = False


@dataclass(frozen=True, slots=True)
class DecodedToken:
    """What a token claims; fields are None when the token is too broken to tell.

    :param wrapping: what the token was found in, such as ``an ExecCredential``; a cluster would not have looked.
    :param unverified_access_key_id: the key that claims to have signed it.
    :param unverified_account: the account encoded in that id.
    :param signed_at: seconds since the epoch.
    :param expires_at: when clusters stop accepting it, 15 minutes after it was signed.
    :param age_seconds: negative for a token dated in the future.
    :param parameters: names of the URL's parameters.
    :param notes: what is worth knowing and breaks no rule.
    """

    size_bytes: int
    wrapping: str | None
    host: str | None
    partition: str | None
    region: str | None
    fips: bool | None
    dual_stack: bool | None
    unverified_access_key_id: str | None
    access_key_kind: str | None
    unverified_account: str | None
    scope_region: str | None
    signed_headers: tuple[str, ...] | None
    signed_at: int | None
    expires_at: int | None
    age_seconds: float | None
    url_expires_seconds: str | None
    has_session_token: bool | None
    parameters: tuple[str, ...] | None
    rules: tuple[RuleResult, ...]
    notes: tuple[str, ...]

    @property
    def refusal(self) -> RuleResult | None:
        """The rule that a cluster would refuse the token for, or None when it would ask STS."""
        return next((result for result in self.rules if result.outcome == "fail"), None)

    @property
    def acceptable(self) -> bool:
        """Whether a cluster would ask STS about the token."""
        return self.refusal is None

    def as_dict(self) -> dict[str, object]:
        """Return everything as plain values, for JSON."""
        refusal = self.refusal
        verdict = {"acceptable": refusal is None, "reason": refusal.code if refusal else "ok"}
        return verdict | asdict(self)


def decode_token(token: str | bytes, *, now: float | None = None, partition: str | None = None) -> DecodedToken:
    """Take ``token`` apart and hold it against every rule; no network, never raises for a bad token.

    A token inside an ExecCredential, an Authorization header or quotes is described too, but the rules judge what was
    given, since that is what a cluster would get.

    :param now: seconds since the epoch; the clock when omitted.
    :param partition: the cluster's partition; when omitted, the one that the token's own host belongs to.
    :raises ConfigError: for an unknown partition.
    """
    if partition is not None:
        checked_partition(partition)
    given = as_bytes(token)
    at = time.time() if now is None else now
    evidence = Evidence(given, at, partition)
    results = _run(evidence)
    wrapping = None
    if evidence.decoded is None and results[0].outcome == "pass":
        inner = unwrap(given)
        if inner.wrapping is not None:
            wrapping = inner.wrapping
            evidence = Evidence(as_bytes(inner.token), at, partition)
            inner_results = {result.rule: result for result in _run(evidence)}
            results = tuple(inner_results[r.rule] if r.outcome == "not_reached" else r for r in results)
    return _describe(evidence, results, size=len(token), wrapping=wrapping)


def _run(evidence: Evidence) -> tuple[RuleResult, ...]:
    results = []
    for rule, answer in check_rules(evidence):
        result = RuleResult(rule.name, rule.title, "pass")
        if isinstance(answer, NotReached):
            result = replace(result, outcome="not_reached")
        elif isinstance(answer, Refusal):
            stricter = answer.code in rule.stricter
            result = RuleResult(rule.name, rule.title, "fail", *answer, stricter=stricter)
        results.append(result)
    return tuple(results)


def _describe(evidence: Evidence, results: tuple[RuleResult, ...], *, size: int, wrapping: str | None) -> DecodedToken:
    parameters = evidence.parameters
    host = evidence.host
    credential = evidence.credential
    key_id = _shown(credential[0]) if credential and credential[0] else None
    signed_at = evidence.signed_at
    authority = evidence.url.authority.rpartition("@")[2] if evidence.url else None
    return DecodedToken(
        size_bytes=size,
        wrapping=wrapping,
        host=None if authority is None else _shown(authority),
        partition=host.partition if host else None,
        region=host.region if host else None,
        fips=host.fips if host else None,
        dual_stack=host.dual_stack if host else None,
        unverified_access_key_id=key_id,
        access_key_kind=KINDS.get(key_id[:4], "unknown kind of key") if key_id else None,
        unverified_account=unverified_account_of(key_id) if key_id else None,
        scope_region=_shown(credential[2]) if len(credential) > 2 else None,
        signed_headers=_signed_headers(parameters),
        signed_at=signed_at,
        expires_at=None if signed_at is None else signed_at + TOKEN_LIFE_SECONDS,
        age_seconds=None if signed_at is None else evidence.now - signed_at,
        url_expires_seconds=_shown(parameters["x-amz-expires"])
        if parameters and "x-amz-expires" in parameters
        else None,
        has_session_token=None if parameters is None else bool(parameters.get("x-amz-security-token")),
        parameters=None if evidence.pairs is None else tuple(_shown(name) for name, _ in evidence.pairs[:50]),
        rules=results,
        notes=tuple(_notes(evidence, size)),
    )


def _signed_headers(parameters: dict[str, str] | None) -> tuple[str, ...] | None:
    if parameters is None:
        return None
    return tuple(_shown(name) for name in parameters.get("x-amz-signedheaders", "").split(";")[:50] if name)


def _notes(evidence: Evidence, size: int) -> list[str]:
    notes = []
    host, parameters = evidence.host, evidence.parameters
    if size > RELEASED_MAX_TOKEN_BYTES and evidence.decoded is not None:
        notes.append(
            f"released authenticators (up to 0.7.18) refuse tokens over {RELEASED_MAX_TOKEN_BYTES} bytes;"
            " use credentials with a smaller session token"
        )
    if host is not None and not host.known_region:
        notes.append(f"{host.region} is no region that this version knows; it is accepted for the shape of its name")
    if host is not None and (host.fips or host.dual_stack):
        notes.append("FIPS and dual-stack hosts are refused by old authenticators")
    if parameters is None:
        return notes
    key_id = evidence.credential[0] if evidence.credential else ""
    has_session_token = bool(parameters.get("x-amz-security-token"))
    if key_id.startswith("ASIA") and not has_session_token:
        notes.append("the key is a temporary one, but there is no session token: STS will refuse it")
    if key_id.startswith("AKIA") and has_session_token:
        notes.append("the key is a long-term one, but there is a session token: STS will refuse it")
    if parameters.get("version") != _STS_VERSION:
        notes.append(f"the Version parameter is not {_STS_VERSION}: STS will refuse the call")
    if evidence.signed_at is not None and 0 <= TOKEN_LIFE_SECONDS - (evidence.now - evidence.signed_at) < 60:
        left = TOKEN_LIFE_SECONDS - (evidence.now - evidence.signed_at)
        notes.append(f"the token expires in {spell_seconds(left)}")
    return notes


def _shown(text: str) -> str:
    """Return a stranger's text short and printable."""
    short = text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 1]}…"
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in short)
