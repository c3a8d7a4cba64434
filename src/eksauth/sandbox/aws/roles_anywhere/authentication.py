"""Requests that a certificate's key signed: SigV4 with the certificate in headers and a private key's signature.

https://docs.aws.amazon.com/rolesanywhere/latest/userguide/authentication-sign-process.html
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.request import RawRequest, parse_pairs
from eksauth.sandbox.aws.roles_anywhere.certificates import read_certificates
from eksauth.sandbox.aws.signature import Authentication, canonical_request, check_scope_and_time
from eksauth.token.sigv4 import sha256_hex

_RSA = "AWS4-X509-RSA-SHA256"
_ECDSA = "AWS4-X509-ECDSA-SHA256"
_SERVICE = "rolesanywhere"
_MUST_BE_SIGNED = ("host", "x-amz-date", "x-amz-x509")
_MINUTES = 5


@dataclass(frozen=True)
class Presented:
    """A certificate whose key signed the request, and the chain that came with it; whether to trust it is open."""

    region: str
    unverified_leaf: x509.Certificate
    unverified_chain: tuple[x509.Certificate, ...]


def holder_of(request: RawRequest, *, now: float) -> Presented:
    """Return the certificate whose private key signed ``request``.

    :raises ServiceFault: AccessDenied with the reason.
    """
    algorithm, claim = _claim(request)
    try:
        (leaf,) = read_certificates(request.header("x-amz-x509"))
        chain = read_certificates(request.header("x-amz-x509-chain")) if request.header("x-amz-x509-chain") else []
    except ValueError:
        raise denied("The certificate cannot be read") from None
    if claim.access_key_id != str(leaf.serial_number):
        raise denied("The credential is not the serial number of the certificate")
    for name in (*_MUST_BE_SIGNED, *(["x-amz-x509-chain"] if chain else [])):
        if name not in claim.signed_headers:
            raise denied(f"The header {name} is not signed")
    try:
        check_scope_and_time(request, claim, now=now, minutes=_MINUTES)
    except ServiceFault as fault:
        raise denied(fault.message) from None
    scope = f"{claim.date}/{claim.region}/{claim.service}/aws4_request"
    to_sign = f"{algorithm}\n{claim.amz_date}\n{scope}\n{sha256_hex(canonical_request(request, claim))}"
    if not _verifies(leaf, algorithm, claim.signature, to_sign.encode("utf-8", "surrogateescape")):
        raise denied("The signature does not match the request")
    return Presented(claim.region, leaf, tuple(chain))


def denied(message: str) -> ServiceFault:
    """Return the refusal of somebody who is not who they say, or may not."""
    return ServiceFault("AccessDenied", message, 403)


def _claim(request: RawRequest) -> tuple[str, Authentication]:
    headers = request.header_values("authorization")
    if len(headers) != 1:
        raise denied("A request carries exactly one signature")
    algorithm, _, rest = headers[0].decode("utf-8", "replace").strip().partition(" ")
    fields = dict(piece.strip().partition("=")[::2] for piece in rest.split(","))
    scope = fields.get("Credential", "").split("/")
    dates = request.header_values("x-amz-date")
    if algorithm not in {_RSA, _ECDSA} or len(scope) != 5 or scope[3:] != [_SERVICE, "aws4_request"]:
        raise denied("The authorization is not of SigV4 with X.509")
    if set(fields) != {"Credential", "SignedHeaders", "Signature"} or len(dates) != 1:
        raise denied("The authorization is incomplete")
    return algorithm, Authentication(
        access_key_id=scope[0],
        date=scope[1],
        region=scope[2],
        service=scope[3],
        amz_date=dates[0].decode("utf-8", "replace").strip(),
        signed_headers=tuple(fields["SignedHeaders"].split(";")),
        signature=fields["Signature"],
        session_token=None,
        query=tuple(parse_pairs(request.query)),
        presigned=False,
    )


def _verifies(leaf: x509.Certificate, algorithm: str, signature: str, signed: bytes) -> bool:
    key = leaf.public_key()
    try:
        raw = bytes.fromhex(signature)
        if isinstance(key, rsa.RSAPublicKey) and algorithm == _RSA:
            key.verify(raw, signed, padding.PKCS1v15(), hashes.SHA256())
        elif isinstance(key, ec.EllipticCurvePublicKey) and algorithm == _ECDSA:
            key.verify(raw, signed, ec.ECDSA(hashes.SHA256()))
        else:
            return False
    except (ValueError, InvalidSignature):
        return False
    return True
