"""A certificate authority for loopback servers, and the certificates it signs.

The certificates satisfy the strict checks of RFC 5280 that Go's ``crypto/x509``, OpenSSL 3 and Python 3.13
(``VERIFY_X509_STRICT`` is on by default there) make: critical basic constraints and key usage on the authority, subject
and authority key identifiers that match, and names only in the subject alternative name extension.
Keys are ECDSA P-256: quick to make, accepted by every client that matters here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")
"""What every server certificate of the sandbox is good for."""

_AUTHORITY_DAYS = 365
_BACKDATED = timedelta(hours=1)  # clocks of containers and virtual machines differ a little


@dataclass(frozen=True)
class CertificateAuthority:
    """A self-signed authority: its certificate and private key (PKCS #8, unencrypted), both PEM."""

    cert_pem: bytes
    key_pem: bytes = field(repr=False)


def new_authority(common_name: str) -> CertificateAuthority:
    """Make a self-signed authority that may sign leaf certificates only, valid for a year."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        _builder(name, name, key.public_key(), _AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(authority=True), critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(key, hashes.SHA256())
    )
    return CertificateAuthority(certificate.public_bytes(serialization.Encoding.PEM), _key_pem(key))


def issue_server_certificate(ca: CertificateAuthority, hosts: Sequence[str], *, days: int = 90) -> tuple[bytes, bytes]:
    """Return (certificate, private key), both PEM, of a TLS server.

    :param hosts: DNS names (a leading ``*.`` label is allowed) and IP addresses the server answers to, at least one;
        the first becomes the common name.
    :param days: life of the certificate, cut to that of the authority.
    :raises ValueError: when ``hosts`` is empty.
    """
    if not hosts:
        raise ValueError("a server certificate needs at least one host")
    # RFC 5280 limits a common name to 64 characters; what counts is the alternative names
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0][:64])])
    names = x509.SubjectAlternativeName([_general_name(host) for host in dict.fromkeys(hosts)])
    return _issue(ca, name, days, ExtendedKeyUsageOID.SERVER_AUTH, names)


def issue_client_certificate(
    ca: CertificateAuthority, common_name: str, organizations: Sequence[str], *, days: int = 90
) -> tuple[bytes, bytes]:
    """Return (certificate, private key), both PEM, of a Kubernetes client: CN is the user, O the groups."""
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in organizations]
    attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, common_name))
    return _issue(ca, x509.Name(attributes), days, ExtendedKeyUsageOID.CLIENT_AUTH, None)


def _issue(
    ca: CertificateAuthority,
    subject: x509.Name,
    days: int,
    purpose: ObjectIdentifier,
    names: x509.SubjectAlternativeName | None,
) -> tuple[bytes, bytes]:
    authority = x509.load_pem_x509_certificate(ca.cert_pem)
    authority_key = serialization.load_pem_private_key(ca.key_pem, password=None)
    if not isinstance(authority_key, ec.EllipticCurvePrivateKey):
        raise TypeError("the authority's key is not an elliptic curve key")
    key = ec.generate_private_key(ec.SECP256R1())
    identifier = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        _builder(subject, authority.subject, key.public_key(), days, authority.not_valid_after_utc)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
    )
    if names is not None:
        builder = builder.add_extension(names, critical=False)
    certificate = builder.sign(authority_key, hashes.SHA256())
    return certificate.public_bytes(serialization.Encoding.PEM), _key_pem(key)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    days: int,
    not_after_limit: datetime | None = None,
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    not_after = now + timedelta(days=days)
    if not_after_limit is not None:
        not_after = min(not_after, not_after_limit)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(not_after)
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host.encode("idna").decode() if not host.isascii() else host)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
