"""Is a certificate issued, over any chain, by a trust anchor? pure.

Rules: https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes

_Kind = TypeVar("_Kind", bound=x509.ExtensionType)
_DEEPEST = 5
_LARGEST = 16 << 10
_WEAK = (hashes.MD5, hashes.SHA1)


def read_certificates(header: str) -> list[x509.Certificate]:
    """Return the certificates of a header: base64 of DER, separated by commas.

    :raises ValueError: when there is something else in it, or too much.
    """
    pieces = [piece.strip() for piece in header.split(",")]
    if len(pieces) > _DEEPEST or len(header) > _LARGEST * _DEEPEST:
        raise ValueError("too many certificates")
    try:
        return [x509.load_der_x509_certificate(b64decode(piece, validate=True)) for piece in pieces]
    except (ValueError, Base64Error, UnsupportedAlgorithm):
        raise ValueError("not a certificate") from None


def why_not_trusted(
    leaf: x509.Certificate,
    intermediates: Sequence[x509.Certificate],
    anchors: Sequence[x509.Certificate],
    *,
    now: float,
) -> str | None:
    """Return why a certificate cannot sign requests, or None when it can.

    :param now: seconds since the epoch.
    """
    try:
        if not _is_end_entity(leaf):
            return "Insufficient certificate"
        if not _is_current(leaf, now):
            return "Certificate is expired or not yet valid"
        return None if _leads_to(leaf, intermediates, anchors, now=now, depth=0) else "Untrusted signing certificate"
    except (ValueError, UnsupportedAlgorithm):
        # extensions are parsed when they are looked at
        return "Insufficient certificate"


def _leads_to(
    certificate: x509.Certificate,
    intermediates: Sequence[x509.Certificate],
    anchors: Sequence[x509.Certificate],
    *,
    now: float,
    depth: int,
) -> bool:
    for anchor in anchors:
        if _may_issue(anchor, now, below=depth) and _issued(certificate, anchor):
            return True
    if depth >= _DEEPEST:
        return False
    for position, issuer in enumerate(intermediates):
        if _may_issue(issuer, now, below=depth) and _issued(certificate, issuer):
            others = [*intermediates[:position], *intermediates[position + 1 :]]
            if _leads_to(issuer, others, anchors, now=now, depth=depth + 1):
                return True
    return False


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    if isinstance(certificate.signature_hash_algorithm, _WEAK):
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _may_issue(certificate: x509.Certificate, now: float, *, below: int) -> bool:
    constraints = _extension(certificate, x509.BasicConstraints)
    usage = _extension(certificate, x509.KeyUsage)
    if constraints is None or not constraints.ca or not _is_current(certificate, now):
        return False
    if constraints.path_length is not None and below > constraints.path_length:
        return False
    return usage is None or usage.key_cert_sign


def _is_end_entity(certificate: x509.Certificate) -> bool:
    constraints = _extension(certificate, x509.BasicConstraints)
    usage = _extension(certificate, x509.KeyUsage)
    is_authority = constraints is not None and constraints.ca
    return certificate.version is x509.Version.v3 and not is_authority and usage is not None and usage.digital_signature


def _extension(certificate: x509.Certificate, kind: type[_Kind]) -> _Kind | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _is_current(certificate: x509.Certificate, now: float) -> bool:
    moment = datetime.fromtimestamp(now, UTC)
    return certificate.not_valid_before_utc <= moment <= certificate.not_valid_after_utc
