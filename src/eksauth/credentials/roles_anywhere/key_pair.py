"""A certificate and its private key from files, checked for all that Roles Anywhere could only refuse.

Certificates: X.509 version 3, not of a certificate authority, with the key usage Digital Signature, signed with SHA-256
or stronger; keys: RSA or EC. https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eksauth.credentials.roles_anywhere.signing import X509Signer
from eksauth.credentials.small_files import read_small
from eksauth.errors import CredentialsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography import x509

_MAX_FILE_BYTES = 256 << 10
_MAX_CHAIN = 5
_LEEWAY_SECONDS = 60


def load_signer(
    certificate_path: str, key_path: str, *, what: str, password: Callable[[], str], now: float
) -> X509Signer:
    """Read both files and return what signs with them.

    :param key_path: may be the same file.
    :param what: whose they are, for messages: "identity 'ci'".
    :param password: asked only when the key is encrypted; may raise.
    :raises CredentialsError: when a file is missing, unreadable, not private, or does not fit; never with its content.
    """
    _check_cryptography()
    certificates = _certificates(certificate_path, what)
    key = _key(key_path, what, password)
    public = _public_bytes(key.public_key())
    leaf = next((each for each in certificates if _public_bytes_of(each) == public), None)
    if leaf is None:
        raise CredentialsError(
            f"the private key of {what} does not belong to the certificate",
            hint=f"{key_path} and {certificate_path} must be of one pair; was only one of them renewed?",
            code="roles_anywhere.mismatch",
        )
    kind, sign = _means_to_sign(key, what)
    _check_certificate(leaf, what, now)
    from cryptography.hazmat.primitives.serialization import Encoding

    others = [each.public_bytes(Encoding.DER) for each in certificates if each is not leaf]
    return X509Signer(
        certificate=leaf.public_bytes(Encoding.DER),
        chain=tuple(others[:_MAX_CHAIN]),
        serial=leaf.serial_number,
        key=kind,
        sign=sign,
    )


def _check_cryptography() -> None:
    try:
        import cryptography  # noqa: F401
    except ImportError:
        raise CredentialsError(
            "IAM Roles Anywhere needs the Python package cryptography",
            hint="run: pip install 'eksauth[keyring]'",
            code="roles_anywhere.cryptography",
        ) from None


def _certificates(path: str, what: str) -> list[x509.Certificate]:
    from cryptography import x509

    data = read_small(path, what=f"the certificate of {what}", max_bytes=_MAX_FILE_BYTES)
    try:
        if b"-----BEGIN CERTIFICATE-----" in data:
            return x509.load_pem_x509_certificates(data)
        return [x509.load_der_x509_certificate(data)]
    except ValueError:
        raise CredentialsError(
            f"{path} holds no certificate for {what}",
            hint="it is a PEM file (-----BEGIN CERTIFICATE-----), with intermediate certificates after the first",
            code="roles_anywhere.certificate",
        ) from None


def _key(path: str, what: str, password: Callable[[], str]) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

    data = read_small(path, what=f"the private key of {what}", max_bytes=_MAX_FILE_BYTES, private=True)
    load = load_pem_private_key if b"-----BEGIN" in data else load_der_private_key
    if b"-----BEGIN" in data:
        data = _only_key(data)
    try:
        return load(data, None)
    except TypeError:  # it is encrypted
        pass
    except (ValueError, UnsupportedAlgorithm):
        raise CredentialsError(
            f"{path} holds no private key for {what}",
            hint="it is a PEM file (-----BEGIN PRIVATE KEY-----), RSA or EC",
            code="roles_anywhere.key",
        ) from None
    word = password().encode()
    try:
        return load(data, word)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise CredentialsError(
            f"the password does not open the private key of {what} in {path}",
            hint="check EKSAUTH_PRIVATE_KEY_PASSWORD",
            code="roles_anywhere.password",
        ) from None


def _only_key(data: bytes) -> bytes:
    """Return the part of a PEM file that is a private key: a combined file starts with certificates."""
    lines = data.splitlines(keepends=True)
    for first, line in enumerate(lines):
        if line.startswith(b"-----BEGIN ") and b"PRIVATE KEY-----" in line:
            for last in range(first, len(lines)):
                if lines[last].startswith(b"-----END "):
                    return b"".join(lines[first : last + 1])
    return data


def _means_to_sign(key: Any, what: str) -> tuple[Any, Callable[[bytes], bytes]]:
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
    from cryptography.hazmat.primitives.hashes import SHA256

    if isinstance(key, rsa.RSAPrivateKey):
        return "RSA", lambda message: key.sign(message, padding.PKCS1v15(), SHA256())
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return "ECDSA", lambda message: key.sign(message, ec.ECDSA(SHA256()))
    raise CredentialsError(
        f"the private key of {what} is neither RSA nor EC",
        hint="Roles Anywhere takes no other keys; get a certificate for one of these",
        code="roles_anywhere.key_type",
    )


def _check_certificate(certificate: x509.Certificate, what: str, now: float) -> None:
    from cryptography import x509

    starts, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if ends.timestamp() <= now:
        raise CredentialsError(
            f"the certificate of {what} expired on {ends:%Y-%m-%d %H:%M} UTC",
            hint="renew it, and restart nothing: it is read anew each time",
            code="roles_anywhere.expired",
        )
    if starts.timestamp() > now + _LEEWAY_SECONDS:
        raise CredentialsError(
            f"the certificate of {what} is valid only from {starts:%Y-%m-%d %H:%M} UTC on",
            hint="is this machine's clock right?",
            code="roles_anywhere.not_yet",
        )
    try:
        basic = _extension(certificate, x509.BasicConstraints)
        usage = _extension(certificate, x509.KeyUsage)
    except ValueError:
        raise CredentialsError(
            f"the certificate of {what} has extensions that cannot be read", code="roles_anywhere.certificate"
        ) from None
    if basic is not None and basic.ca:
        raise CredentialsError(
            f"the certificate of {what} is that of a certificate authority",
            hint="Roles Anywhere takes end-entity certificates only, issued by the authority of the trust anchor",
            code="roles_anywhere.ca",
        )
    if usage is not None and not usage.digital_signature:
        raise CredentialsError(
            f"the certificate of {what} may not be used for signatures",
            hint="it needs the key usage Digital Signature",
            code="roles_anywhere.usage",
        )
    algorithm = certificate.signature_hash_algorithm
    if algorithm is not None and algorithm.name in {"md5", "sha1"}:
        raise CredentialsError(
            f"the certificate of {what} is signed with {algorithm.name}",
            hint="Roles Anywhere takes SHA-256 or stronger; have it issued anew",
            code="roles_anywhere.weak",
        )


def _extension(certificate: x509.Certificate, kind: Any) -> Any:
    from cryptography.x509 import ExtensionNotFound

    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except ExtensionNotFound:
        return None


def _public_bytes(public: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    found: bytes = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return found


def _public_bytes_of(certificate: x509.Certificate) -> bytes | None:
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        return _public_bytes(certificate.public_key())
    except (ValueError, UnsupportedAlgorithm):
        # an intermediate may have a key of a kind that this cryptography does not know
        return None
