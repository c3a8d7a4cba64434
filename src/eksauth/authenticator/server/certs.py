"""The server's certificate: taken from the state directory, or made there on first start.

Same files and shape as aws-iam-authenticator (``cert.pem``, ``key.pem``; RSA-2048, self-signed, its own CA, a hundred
years, because API servers are told once which CA to trust and never again). Different on purpose: the directory is made
when missing, files appear whole, two servers that start at once agree on one pair, a start that was killed between the
two files is finished by the next, and a pair that cannot work is an error at start instead of a failed login later.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from eksauth.errors import ConfigError
from eksauth.files import why, write_whole

COMMON_NAME = "aws-iam-authenticator"
LIFE_DAYS = 365 * 100
_BACKDATED_DAYS = 30
"""Machines boot with clocks that are ahead; a certificate made then must be good when the clock is right."""
_RENEW_HINT = "remove both files to have a new pair made, then give the API servers the new webhook kubeconfig"


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """A usable pair on disk.

    :param pem: the content of the certificate file, which is what API servers must trust.
    :param made: whether this start made it.
    """

    certificate_path: Path
    key_path: Path
    pem: bytes
    made: bool


def load_or_make(state_dir: Path, names: tuple[str, ...], now: float) -> ServerCertificate:
    """Return the pair in ``state_dir``, made for ``names`` when there is none.

    :param names: bind address and host name, as text; unspecified addresses and duplicates are dropped.
    :param now: epoch seconds.
    :raises ConfigError: when the directory cannot be used, only one of the files is there, or they do not work.
    """
    certificate_path, key_path = state_dir / "cert.pem", state_dir / "key.pem"
    try:
        with _only_one(state_dir):
            _finish_interrupted(certificate_path, key_path)
            present = [path for path in (certificate_path, key_path) if path.exists()]
            if len(present) == 1:
                absent = key_path if present[0] == certificate_path else certificate_path
                raise ConfigError(
                    f"{present[0]} is there but {absent} is not",
                    hint="put the other half back, or remove this one to have a new pair made",
                    code="config.certificate",
                )
            if not present:
                _write_pair(certificate_path, key_path, *make_pair(alternative_names(names), now))
            pem, key = certificate_path.read_bytes(), key_path.read_bytes()
    except OSError as error:
        where = error.filename if isinstance(error.filename, str) else state_dir
        raise ConfigError(
            f"cannot use the state directory {state_dir}: {where}: {why(error)}",
            hint="choose one that this user may write to with --state-dir",
            code="config.state_dir",
        ) from None
    _check(certificate_path, pem, key_path, key, now)
    return ServerCertificate(certificate_path, key_path, pem, made=not present)


def _write_pair(certificate_path: Path, key_path: Path, certificate: bytes, key: bytes) -> None:
    """Put both files in place so that a start that dies in between can be finished by the next one."""
    staged = _staged(certificate_path)
    try:
        write_whole(staged, certificate, 0o644)
        write_whole(key_path, key, 0o600, follow=True)
        staged.replace(os.path.realpath(certificate_path))
    except OSError:
        # half a pair would stop the next start
        for path in (key_path, staged):
            with contextlib.suppress(OSError):
                path.unlink()
        raise


def _finish_interrupted(certificate_path: Path, key_path: Path) -> None:
    staged = _staged(certificate_path)
    if certificate_path.exists() or not key_path.is_file() or not staged.is_file():
        return
    # not just any certificate: somebody may have put a key of their own here since
    with contextlib.suppress(ConfigError, ValueError):
        _check(staged, staged.read_bytes(), key_path, key_path.read_bytes(), 0)
        staged.replace(os.path.realpath(certificate_path))


def _staged(certificate_path: Path) -> Path:
    return Path(os.path.realpath(certificate_path)).with_name(".cert.pem.next")


def load_existing(certificate_path: Path, key_path: Path, now: float) -> ServerCertificate:
    """Return the pair that is in these files now.

    :raises ConfigError: when they cannot be read or do not work.
    """
    try:
        pem, key = certificate_path.read_bytes(), key_path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read {error.filename}: {why(error)}", code="config.certificate") from None
    _check(certificate_path, pem, key_path, key, now)
    return ServerCertificate(certificate_path, key_path, pem, made=False)


def expires_at(pem: bytes) -> float:
    """Return when the first certificate of a PEM text ends, in epoch seconds."""
    return x509.load_pem_x509_certificates(pem)[0].not_valid_after_utc.timestamp()


def alternative_names(names: tuple[str, ...]) -> list[x509.GeneralName]:
    """Return the subject alternative names for bind addresses and host names.

    ``0.0.0.0``, ``::`` and empty text name nobody and are dropped; each name appears once.
    """
    found: list[x509.GeneralName] = []
    for name in names:
        alternative: x509.GeneralName
        try:
            address = ip_address(name)
        except ValueError:
            if not name:
                continue
            try:
                alternative = x509.DNSName(name.encode("idna").decode() if not name.isascii() else name)
            except UnicodeError:
                raise ConfigError(
                    f"{name!r} is no host name", hint="see server.hostname", code="config.hostname"
                ) from None
        else:
            if address.is_unspecified:
                continue
            alternative = x509.IPAddress(address)
        if alternative not in found:
            found.append(alternative)
    return found


def make_pair(names: list[x509.GeneralName], now: float) -> tuple[bytes, bytes]:
    """Return (certificate, private key) in PEM for ``names``, valid from a month before ``now`` (epoch seconds)."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, COMMON_NAME)])
    start = datetime.fromtimestamp(int(now), UTC) - timedelta(days=_BACKDATED_DAYS)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=LIFE_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_KEY_USAGE, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        # strict verifiers (Python 3.13's default) want both identifiers
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier(identifier.digest, None, None), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    certificate = builder.sign(key, hashes.SHA256())
    return (
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        ),
    )


_KEY_USAGE = x509.KeyUsage(
    digital_signature=True,
    key_encipherment=True,
    key_cert_sign=True,
    content_commitment=False,
    data_encipherment=False,
    key_agreement=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


def covers(pem: bytes, host: str) -> bool:
    """Tell whether the certificate names ``host``, a DNS name or an address; wildcards are not looked at."""
    certificate = x509.load_pem_x509_certificates(pem)[0]
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    return all(wanted in list(names) for wanted in alternative_names((host,)))


def _check(certificate_path: Path, pem: bytes, key_path: Path, key_pem: bytes, now: float) -> None:
    try:
        certificate = x509.load_pem_x509_certificates(pem)[0]
    except ValueError:
        raise ConfigError(
            f"{certificate_path} holds no certificate in PEM", hint=_RENEW_HINT, code="config.certificate"
        ) from None
    try:
        key = serialization.load_pem_private_key(key_pem, password=None)
    except (ValueError, TypeError):
        raise ConfigError(
            f"{key_path} holds no unencrypted private key in PEM", hint=_RENEW_HINT, code="config.certificate"
        ) from None
    if _public(key.public_key()) != _public(certificate.public_key()):
        raise ConfigError(
            f"{key_path} does not belong to {certificate_path}", hint=_RENEW_HINT, code="config.certificate"
        )
    if certificate.not_valid_after_utc.timestamp() <= now:
        expired = certificate.not_valid_after_utc.strftime("%Y-%m-%d")
        raise ConfigError(f"{certificate_path} expired on {expired}", hint=_RENEW_HINT, code="config.certificate")


def _public(key: object) -> bytes:
    encoded: bytes = key.public_bytes(  # type: ignore[attr-defined]
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return encoded


@contextlib.contextmanager
def _only_one(state_dir: Path) -> Iterator[None]:
    """Hold the directory for one process, made when missing with mode 0700; a dead holder lets go by itself."""
    state_dir.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        state_dir.mkdir(mode=0o700)
    descriptor = os.open(state_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
