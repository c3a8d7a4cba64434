"""What an OIDC token says about itself, read without checking its signature.

Only STS, which fetches the issuer's keys, can tell whether any of it is true. Here it serves to explain a refusal, and
to notice before the network what STS could only refuse. RFC 7519 defines the claims, RFC 7515 the form.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass

from eksauth.errors import CredentialsError

MIN_TOKEN_CHARS, MAX_TOKEN_CHARS = 4, 20000
"""Of ``WebIdentityToken`` in STS's AssumeRoleWithWebIdentity."""
_LEEWAY_SECONDS = 30
_SHOWN = 200
_B64URL = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@dataclass(frozen=True, slots=True)
class UnverifiedClaims:
    """Claims that decide about trust; texts of somebody else, fit to be shown.

    :ivar expires_at: seconds since the epoch, or None when the token does not say.
    """

    issuer: str
    subject: str
    audiences: tuple[str, ...]
    expires_at: float | None
    not_before: float | None

    def described(self) -> str:
        """Return issuer, subject and audience for an error message."""
        audience = ", ".join(self.audiences) or "none"
        return f"iss {self.issuer or 'none'}, sub {self.subject or 'none'}, aud {audience}"


def read_unverified(token: str, what: str) -> UnverifiedClaims:
    """Take a token apart.

    :param what: whose token it is, for messages: "provider 'ci'".
    :raises CredentialsError: when it is no JSON Web Token; the message does not repeat it.
    """
    if len(token) > MAX_TOKEN_CHARS:
        raise CredentialsError(
            f"the token of {what} has {len(token)} characters; STS takes {MAX_TOKEN_CHARS}",
            hint="have the issuer put less into it",
            code="oidc.too_long",
        )
    parts = token.split(".")
    if len(parts) == 5:
        raise CredentialsError(
            f"the token of {what} is encrypted (JWE)", hint="STS takes signed tokens only", code="oidc.not_a_jwt"
        )
    if len(parts) != 3 or not all(parts) or not all(_B64URL.issuperset(part) for part in parts):
        raise CredentialsError(
            f"what {what} gives is not a JSON Web Token",
            hint="it has three parts of base64url, joined by dots, and nothing else",
            code="oidc.not_a_jwt",
        )
    claims = _object(parts[1])
    if _object(parts[0]) is None or claims is None:
        raise CredentialsError(
            f"what {what} gives only looks like a JSON Web Token: its parts are not JSON objects", code="oidc.not_a_jwt"
        )
    if claims.get("iss") == "kubernetes/serviceaccount":
        raise CredentialsError(
            f"the token of {what} is a service account token of the old kind, without an audience and an end",
            hint="mount a projected token with audience sts.amazonaws.com (serviceAccountToken volume)",
            code="oidc.legacy_token",
        )
    told = claims.get("aud")
    audiences = [told] if isinstance(told, str) else told if isinstance(told, list) else []
    return UnverifiedClaims(
        _shown(claims.get("iss")),
        _shown(claims.get("sub")),
        tuple([_shown(each) for each in audiences[:5]]),
        _seconds(claims.get("exp")),
        _seconds(claims.get("nbf")),
    )


def check_unverified(token: str, *, what: str, audience: str | None, now: float) -> UnverifiedClaims:
    """Refuse a token that STS could only refuse: of another audience, expired, not valid yet.

    :param audience: that was asked for; None when any will do.
    :raises CredentialsError: with what the token says and what to change.
    """
    claims = read_unverified(token, what)
    if claims.expires_at is not None and claims.expires_at <= now - _LEEWAY_SECONDS:
        raise CredentialsError(
            f"the token of {what} expired {_ago(now - claims.expires_at)} ago",
            hint="get a new one where it comes from; is this machine's clock right?",
            code="oidc.expired",
        )
    if claims.not_before is not None and claims.not_before > now + 300:
        raise CredentialsError(
            f"the token of {what} is valid only in {_ago(claims.not_before - now)}",
            hint="is this machine's clock right?",
            code="oidc.not_yet",
        )
    if audience is not None and audience not in claims.audiences:
        others = ", ".join(claims.audiences) or "none"
        raise CredentialsError(
            f"the token of {what} is for another audience: it says {others}, not {audience}",
            hint=f"ask for a token with audience {audience}, or set the provider's spec.audience to what IAM expects",
            code="oidc.audience",
        )
    return claims


def _object(part: str) -> dict[str, object] | None:
    try:
        value = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else ""
    return "".join([letter if letter.isprintable() else "?" for letter in text[:_SHOWN]])


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e12 else None


def _ago(seconds: float) -> str:
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"
