"""Certificates and keys for tests, and a judge of signatures that uses botocore's canonical request."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

NOW = 1_900_000_000.0
_DAY = 86400


@dataclass
class Pair:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Any

    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    def key_pem(self, password: str | None = None, form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
        kind = BestAvailableEncryption(password.encode()) if password else NoEncryption()
        return self.key.private_bytes(Encoding.PEM, form, kind)


def name(text: str) -> x509.Name:
    """Return a subject."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def make(
    subject: str,
    issuer: Pair | None = None,
    *,
    key: Any = None,
    ca: bool = False,
    starts: float = NOW - _DAY,
    ends: float = NOW + _DAY,
    signature: bool = True,
    serial: int = 0,
) -> Pair:
    """Return a new pair, signed by ``issuer`` or by itself."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(issuer.certificate.subject if issuer else name(subject))
        .public_key(key.public_key())
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(dt.datetime.fromtimestamp(starts, dt.UTC))
        .not_valid_after(dt.datetime.fromtimestamp(ends, dt.UTC))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=signature,
                content_commitment=False,
                key_encipherment=not signature,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=ca,
                crl_sign=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    )
    algorithm = None if type(issuer.key if issuer else key).__name__.startswith("Ed") else hashes.SHA256()
    return Pair(builder.sign(issuer.key if issuer else key, algorithm), key)


def new_rsa() -> rsa.RSAPrivateKey:
    """Return an RSA key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def write(path: Path, *content: bytes, mode: int = 0o600) -> str:
    """Write a file and return its path."""
    path.write_bytes(b"".join(content))
    path.chmod(mode)
    return str(path)


def judge(url: str, headers: dict[str, str], body: bytes) -> x509.Certificate:
    """Check the signature of a request with the certificate in it and return that; botocore makes the canonical form.

    :raises Exception: when the signature is wrong.
    """
    algorithm, _, rest = headers["authorization"].partition(" ")
    fields = dict(part.strip().split("=", 1) for part in rest.split(","))
    names = fields["SignedHeaders"].split(";")
    assert {"host", "x-amz-date", "x-amz-x509", "content-type"} <= set(names)
    request = AWSRequest(method="POST", url=url, data=body, headers={each: headers[each] for each in names})
    canonical = SigV4Auth(Credentials("unused", "unused"), "rolesanywhere", "eu-west-1").canonical_request(request)
    serial, scope = fields["Credential"].split("/", 1)
    text = "\n".join([algorithm, headers["x-amz-date"], scope, hashlib.sha256(canonical.encode()).hexdigest()])
    certificate = x509.load_der_x509_certificate(base64.b64decode(headers["x-amz-x509"], validate=True))
    assert serial == str(certificate.serial_number)
    verify: dict[str, Callable[[Any, bytes], None]] = {
        "AWS4-X509-RSA-SHA256": lambda key, sig: key.verify(sig, text.encode(), padding.PKCS1v15(), hashes.SHA256()),
        "AWS4-X509-ECDSA-SHA256": lambda key, sig: key.verify(sig, text.encode(), ec.ECDSA(hashes.SHA256())),
    }
    verify[algorithm](certificate.public_key(), bytes.fromhex(fields["Signature"]))
    return certificate
