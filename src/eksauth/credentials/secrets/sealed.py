"""The format of the encrypted file: scrypt makes keys of the password, AES-256-GCM seals the secrets.

A JSON object in plain text: what scrypt needs, a check value that only the right password yields, the sealed secrets,
and a SHA-256 over all of that. The three let a reader tell a damaged file (the sum is wrong) from a wrong password (the
sum is right, the check value is not) from a file that was tampered with (the seal is broken). scrypt: RFC 7914;
AES-GCM: NIST SP 800-38D. Names of secrets are sealed too.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field

FORMAT = "eksauth secrets 1"
_COST, _BLOCK, _PARALLEL = 1 << 15, 8, 1
"""32 MiB and about a tenth of a second for each try of a password."""
_MAX_COST = 1 << 18
_SALT_BYTES, _NONCE_BYTES, _CHECK_BYTES = 16, 12, 32


class Damaged(ValueError):
    """The content is not a whole file of ours."""


class WrongPassword(ValueError):
    """The file is whole, and the password is not its password."""


@dataclass(frozen=True, slots=True)
class SealingKey:
    """What a password becomes for one salt; kept in memory, so that scrypt runs once per process."""

    salt: bytes
    cost: int
    secret: bytes = field(repr=False)

    @property
    def check(self) -> bytes:
        """What proves the password without telling anything about the key that seals."""
        return hmac.digest(self.secret[32:], b"check", "sha256")


def derive(password: str, salt: bytes, cost: int = _COST) -> SealingKey:
    """Make the key of a password and a salt."""
    secret = hashlib.scrypt(
        password.encode(errors="surrogateescape"),
        salt=salt,
        n=cost,
        r=_BLOCK,
        p=_PARALLEL,
        maxmem=cost * _BLOCK * 128 * 2 + (1 << 20),
        dklen=64,
    )
    return SealingKey(salt, cost, secret)


def new_salt(random: bytes) -> bytes:
    """Return a salt made of random bytes."""
    return random[:_SALT_BYTES]


def seal(secrets: dict[str, dict[str, str]], key: SealingKey, nonce: bytes) -> bytes:
    """Return the content of a file.

    :param secrets: by realm, then by name.
    :param nonce: 12 random bytes, never used before with this key.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    head = {
        "format": FORMAT,
        "cost": key.cost,
        "salt": _text(key.salt),
        "check": _text(key.check),
        "nonce": _text(nonce),
    }
    plain = json.dumps(secrets, sort_keys=True, ensure_ascii=True).encode()
    sealed = AESGCM(key.secret[:32]).encrypt(nonce, plain, _bound(head))
    body = {**head, "sealed": _text(sealed)}
    return json.dumps({**body, "sha256": _sum(body)}, indent=1).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class SealedFile:
    """A file whose sum is right."""

    head: dict[str, object]
    salt: bytes
    cost: int
    check: bytes
    nonce: bytes
    sealed: bytes

    def fits(self, key: SealingKey) -> bool:
        """Tell whether the key was made for this file's salt; the password may still be another one."""
        return key.salt == self.salt and key.cost == self.cost

    def open(self, key: SealingKey) -> dict[str, dict[str, str]]:
        """Return the secrets, by realm and name.

        :raises WrongPassword: when the key is of another password.
        :raises Damaged: when somebody changed the file and its sum.
        """
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        if not hmac.compare_digest(key.check, self.check):
            raise WrongPassword
        try:
            plain = AESGCM(key.secret[:32]).decrypt(self.nonce, self.sealed, _bound(self.head))
        except InvalidTag:
            raise Damaged("its seal is broken") from None
        return _secrets(json.loads(plain))


def read(content: bytes) -> SealedFile:
    """Take the content of a file apart.

    :raises Damaged: when it is not whole, or not ours.
    """
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        raise Damaged("it is not JSON") from None
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        raise Damaged("it is not a file of this kind")
    told = body.pop("sha256", None)
    if told != _sum(body):
        raise Damaged("its checksum is wrong")
    try:
        parts = [base64.b64decode(str(body[name]), validate=True) for name in ("salt", "check", "nonce", "sealed")]
        cost = body["cost"]
    except (ValueError, KeyError):
        raise Damaged("it has other fields than it should") from None
    salt, check, nonce, sealed = parts
    whole = (len(salt), len(check), len(nonce)) == (_SALT_BYTES, _CHECK_BYTES, _NONCE_BYTES)
    # a cost of somebody else's choice would take hours or all memory
    if not whole or not isinstance(cost, int) or not 2 <= cost <= _MAX_COST or cost & (cost - 1):
        raise Damaged("it has other fields than it should")
    head = {name: body[name] for name in ("format", "cost", "salt", "check", "nonce")}
    return SealedFile(head, salt, cost, check, nonce, sealed)


def _secrets(value: object) -> dict[str, dict[str, str]]:
    if not isinstance(value, dict) or not all(isinstance(entries, dict) for entries in value.values()):
        raise Damaged("it holds something else than secrets")
    return {realm: {str(name): str(secret) for name, secret in entries.items()} for realm, entries in value.items()}


def _bound(head: dict[str, object]) -> bytes:
    """Return what the seal also covers: the plain part."""
    return json.dumps(head, sort_keys=True).encode()


def _sum(body: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
