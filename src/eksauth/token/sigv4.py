"""AWS Signature Version 4 for the one request a bearer token is made of, and the primitives to check any other.

Specification: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html. Byte-for-byte equal to botocore's
query signer (``tests/token/test_sigv4_differential.py``). Pure: no clock, no environment. Nothing here may import
``re`` or anything that does; the interpreter's own SHA-256 is used because hashlib would load libcrypto.
"""

from eksauth.aws.digest import sha256 as _sha256

ALGORITHM = "AWS4-HMAC-SHA256"
EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
CLUSTER_ID_HEADER = "x-k8s-aws-id"
URL_EXPIRES_SECONDS = 60
"""What every client writes into X-Amz-Expires: authenticators before 0.3.0 refuse more, STS itself ignores it."""

_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))
_UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of ``data`` as 64 lower-case hex digits."""
    digest: str = _sha256(data).hexdigest()
    return digest


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """Return HMAC-SHA-256 (RFC 2104) of ``message`` under ``key``, 32 bytes."""
    if len(key) > 64:
        key = _sha256(key).digest()
    key = key.ljust(64, b"\0")
    inner = _sha256(key.translate(_INNER))
    inner.update(message)
    outer = _sha256(key.translate(_OUTER))
    outer.update(inner.digest())
    digest: bytes = outer.digest()
    return digest


def percent_encode(text: str) -> str:
    """Percent-encode everything but RFC 3986 unreserved characters, in UTF-8, upper-case hex."""
    data = text.encode()
    special = data.translate(None, _UNRESERVED)
    if not special:
        return text
    # a session token is long and has three kinds of them: replacing kinds beats walking characters
    if b"%" in special:
        data = data.replace(b"%", b"%25")
    for byte in set(special.replace(b"%", b"")):
        data = data.replace(bytes((byte,)), b"%%%02X" % byte)
    return data.decode()


def collapse_blanks(value: str) -> str:
    """Trim a header value and make each inner run of white space one blank, as SigV4 canonicalises it."""
    return " ".join(value.split())


def signing_key(secret_access_key: str, date: str, region: str, service: str) -> bytes:
    """Derive the key for one day (``YYYYMMDD``), region and service."""
    key = hmac_sha256(("AWS4" + secret_access_key).encode(), date.encode())
    key = hmac_sha256(key, region.encode())
    key = hmac_sha256(key, service.encode())
    return hmac_sha256(key, b"aws4_request")


def sign(key: bytes, amz_date: str, scope: str, canonical_request: str) -> str:
    """Return the signature, 64 hex digits, of a canonical request under a signing key."""
    to_sign = f"{ALGORITHM}\n{amz_date}\n{scope}\n{sha256_hex(canonical_request.encode())}"
    return hmac_sha256(key, to_sign.encode()).hex()


def presign_get_caller_identity(
    *,
    host: str,
    region: str,
    cluster_id: str,
    access_key_id: str,
    secret_access_key: str,
    session_token: str | None,
    amz_date: str,
) -> str:
    """Return the presigned STS GetCallerIdentity URL that carries ``cluster_id`` as a signed header.

    :param host: the STS host, see :func:`eksauth.aws.partitions.sts_host`.
    :param region: the region of the credential scope.
    :param cluster_id: cluster name, or id for local clusters on Outposts; signed as header ``x-k8s-aws-id``.
    :param amz_date: UTC, ``YYYYMMDDTHHMMSSZ``.
    """
    date = amz_date[:8]
    scope = f"{date}/{region}/sts/aws4_request"
    head = (
        "Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256"
        f"&X-Amz-Credential={percent_encode(access_key_id)}%2F{date}%2F{percent_encode(region)}%2Fsts%2Faws4_request"
        f"&X-Amz-Date={amz_date}&X-Amz-Expires={URL_EXPIRES_SECONDS}"
    )
    signed = "&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id"
    token = f"&X-Amz-Security-Token={percent_encode(session_token)}" if session_token else ""
    # the names are in canonical order but for the security token, which sorts before the signed headers
    canonical_request = (
        f"GET\n/\n{head}{token}{signed}\nhost:{host}\n{CLUSTER_ID_HEADER}:{collapse_blanks(cluster_id)}\n\n"
        f"host;{CLUSTER_ID_HEADER}\n{EMPTY_SHA256}"
    )
    signature = sign(signing_key(secret_access_key, date, region, "sts"), amz_date, scope, canonical_request)
    return f"https://{host}/?{head}{signed}{token}&X-Amz-Signature={signature}"
