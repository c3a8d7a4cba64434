"""SigV4-X509: a request signed with the private key of a certificate.

Signature Version 4 with another algorithm name, the certificate's serial number in place of an access key id, the key's
own signature in place of a chain of HMACs, and the certificates in signed headers.
https://docs.aws.amazon.com/rolesanywhere/latest/userguide/authentication-sign-process.html
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

SERVICE = "rolesanywhere"


@dataclass(frozen=True, slots=True)
class X509Signer:
    """A certificate and the means to sign with its key.

    :ivar certificate: DER.
    :ivar chain: DER of the intermediate certificates, the leaf's issuer first.
    :ivar serial: the certificate's serial number.
    :ivar sign: returns the signature of a message: PKCS #1 v1.5 or ECDSA (DER) over SHA-256.
    """

    certificate: bytes
    chain: Sequence[bytes]
    serial: int
    key: Literal["RSA", "ECDSA"]
    sign: Callable[[bytes], bytes] = field(repr=False)

    @property
    def algorithm(self) -> str:
        """Name of the algorithm in the Authorization header."""
        return f"AWS4-X509-{self.key}-SHA256"


def signed_headers(
    signer: X509Signer, *, host: str, path: str, body: bytes, region: str, date: str, content_type: str
) -> Mapping[str, str]:
    """Return all headers of a signed POST without a query.

    :param path: as it is sent; only unreserved letters and slashes.
    :param date: ``YYYYMMDDTHHMMSSZ``.
    """
    headers = {
        "content-type": content_type,
        "host": host,
        "x-amz-date": date,
        "x-amz-x509": base64.b64encode(signer.certificate).decode(),
    }
    if signer.chain:
        headers["x-amz-x509-chain"] = ",".join([base64.b64encode(each).decode() for each in signer.chain])
    names = ";".join(sorted(headers))
    canonical = "\n".join(
        [
            "POST",
            path,
            "",
            *[f"{name}:{headers[name]}" for name in sorted(headers)],
            "",
            names,
            hashlib.sha256(body).hexdigest(),
        ]
    )
    scope = f"{date[:8]}/{region}/{SERVICE}/aws4_request"
    to_sign = "\n".join([signer.algorithm, date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    signature = signer.sign(to_sign.encode()).hex()
    headers["authorization"] = (
        f"{signer.algorithm} Credential={signer.serial}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return headers
