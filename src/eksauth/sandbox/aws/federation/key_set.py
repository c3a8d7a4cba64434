"""The public keys of an issuer (RFC 7517); pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK
from jwt.exceptions import PyJWTError

ALGORITHMS = frozenset(["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"])
"""What STS accepts."""

_CURVES = {"ES256": "secp256r1", "ES384": "secp384r1", "ES512": "secp521r1"}
_LEAST_RSA_BITS = 2048
_MOST_KEYS = 100


@dataclass(frozen=True)
class PublicKey:
    """One key that may sign tokens; ``algorithm`` is empty when the key is not bound to one."""

    key_id: str
    algorithm: str
    public_key: RSAPublicKey | EllipticCurvePublicKey

    def fits(self, algorithm: str) -> bool:
        """Tell whether tokens with this ``alg`` may be judged by this key."""
        if self.algorithm not in {"", algorithm}:
            return False
        if isinstance(self.public_key, RSAPublicKey):
            return algorithm.startswith("RS")
        return self.public_key.curve.name == _CURVES.get(algorithm)


@dataclass(frozen=True)
class KeySet:
    """All usable keys of an issuer."""

    keys: tuple[PublicKey, ...]

    def named(self, key_id: str) -> tuple[PublicKey, ...]:
        """Return the keys of an id; a token without one is for keys without one."""
        return tuple(key for key in self.keys if key.key_id == key_id)


def parse_key_set(document: Any) -> KeySet:
    """Read a JWKS document; keys that cannot sign tokens (secrets, encryption, short ones) are left out.

    :raises ValueError: when it is no key set at all.
    """
    keys = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(keys, Sequence) or isinstance(keys, str) or len(keys) > _MOST_KEYS:
        raise ValueError("a key set is an object with a list of keys")
    return KeySet(tuple(key for key in map(_key, keys) if key is not None))


def _key(raw: Any) -> PublicKey | None:
    if not isinstance(raw, Mapping) or raw.get("kty") not in {"RSA", "EC"} or raw.get("use", "sig") != "sig":
        return None
    key_id, algorithm = raw.get("kid", ""), raw.get("alg", "")
    if not isinstance(key_id, str) or (algorithm and algorithm not in ALGORITHMS):
        return None
    # the private half has no business in a published key set; it is not looked at
    public = {name: value for name, value in raw.items() if name in {"kty", "n", "e", "crv", "x", "y"}}
    try:
        found = PyJWK.from_dict(public, algorithm=algorithm or ("RS256" if raw["kty"] == "RSA" else None)).key
    except (PyJWTError, ValueError, TypeError, KeyError, OverflowError):
        return None
    if isinstance(found, RSAPublicKey):
        return PublicKey(key_id, algorithm, found) if found.key_size >= _LEAST_RSA_BITS else None
    return PublicKey(key_id, algorithm, found) if isinstance(found, EllipticCurvePublicKey) else None
