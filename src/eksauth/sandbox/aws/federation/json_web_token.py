"""JSON web tokens as STS judges them: shape, signature, times; pure.

STS takes RS256, RS384, RS512, ES256, ES384 and ES512, and timestamps that are integers:
https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from binascii import Error as Base64Error
from dataclasses import dataclass, field
from typing import Any

from jwt.api_jws import PyJWS
from jwt.exceptions import PyJWTError

from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.federation.key_set import ALGORITHMS, KeySet

_SKEW_SECONDS = 300
# padding is not part of a token (RFC 7515, 2), and the decoder would skip whatever else is foreign
_BASE64 = re.compile(r"[A-Za-z0-9_-]+")
_NOT_A_TOKEN = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
_NO_KEY = (
    "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity"
    " documentation for requirements"
)
_BAD_SIGNATURE = "The web identity token that was passed could not be validated"


@dataclass(frozen=True)
class UnverifiedToken:
    """A token taken apart; whoever sent it may have made all of it up."""

    text: str = field(repr=False)
    algorithm: str
    key_id: str
    claims: dict[str, Any] = field(repr=False)
    issuer: str


def take_apart(text: str) -> UnverifiedToken:
    """Take a token apart.

    :raises ServiceFault: InvalidIdentityToken.
    """
    pieces = text.split(".")
    if len(pieces) != 3 or not all(map(_BASE64.fullmatch, pieces)):
        raise invalid_token(_NOT_A_TOKEN)
    header, claims = _object(pieces[0]), _object(pieces[1])
    algorithm, key_id, issuer = header.get("alg"), header.get("kid", ""), claims.get("iss")
    # an extension that the header calls critical must be understood (RFC 7515, 4.1.11), and none is
    if not isinstance(algorithm, str) or not isinstance(key_id, str) or "crit" in header or "enc" in header:
        raise invalid_token(_NOT_A_TOKEN)
    if not isinstance(issuer, str):
        raise invalid_token("Missing a required claim: iss")
    return UnverifiedToken(text, algorithm, key_id, claims, issuer)


def verified_claims(token: UnverifiedToken, keys: KeySet, *, now: float) -> dict[str, Any]:
    """Return the claims of a token that one of the issuer's keys signed and that is valid at ``now``.

    What the header says about keys (``jwk``, ``jku``, ``x5c``) plays no part.

    :raises ServiceFault: InvalidIdentityToken, ExpiredTokenException.
    """
    if token.algorithm not in ALGORITHMS:
        raise invalid_token(_BAD_SIGNATURE)
    candidates = keys.named(token.key_id)
    if not candidates:
        raise invalid_token(_NO_KEY)
    judge = PyJWS(algorithms=[token.algorithm])
    for candidate in candidates:
        if not candidate.fits(token.algorithm):
            continue
        try:
            judge.decode(token.text, candidate.public_key, algorithms=[token.algorithm])
        except (PyJWTError, ValueError, TypeError):
            continue
        _check_times(token.claims, now=now)
        return token.claims
    raise invalid_token(_BAD_SIGNATURE)


def invalid_token(message: str) -> ServiceFault:
    """Return an InvalidIdentityToken."""
    return ServiceFault("InvalidIdentityToken", message)


def no_key() -> ServiceFault:
    """Return the refusal of an issuer whose documents hold no usable key."""
    return invalid_token(_NO_KEY)


def _check_times(claims: dict[str, Any], *, now: float) -> None:
    times = {name: claims.get(name) for name in ("exp", "iat", "nbf")}
    for name in ("exp", "iat"):
        if times[name] is None:
            raise invalid_token(f"Missing a required claim: {name}")
    for name, value in times.items():
        if value is not None and (type(value) is not int or not 0 <= value < 1 << 53):
            raise invalid_token(f"The claim {name} is not an integer number of seconds")
    if now >= (times["exp"] or 0):
        raise ServiceFault(
            "ExpiredTokenException",
            f"Token expired: current date/time {int(now)} must be before the expiration date/time{times['exp']}",
        )
    for name in ("nbf", "iat"):
        if (times[name] or 0) > now + _SKEW_SECONDS:
            raise invalid_token(f"Token not valid yet: current date/time {int(now)} is before its {name}")


def _object(piece: str) -> dict[str, Any]:
    try:
        raw = urlsafe_b64decode(piece + "=" * (-len(piece) % 4))
        found = json.loads(raw.decode(), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, Base64Error, RecursionError):
        raise invalid_token(_NOT_A_TOKEN) from None
    if not isinstance(found, dict):
        raise invalid_token(_NOT_A_TOKEN)
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a claim is given twice")
    return found


def _no_constant(text: str) -> Any:
    raise ValueError(text)
