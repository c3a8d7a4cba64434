"""Signature Version 4, the receiving side: take a signed request apart, rebuild what was signed, compare.

Specification: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
The error texts are the ones that AWS answers with, so that people find them in the same places.
"""

from __future__ import annotations

import hmac
import posixpath
import time
from calendar import timegm
from dataclasses import dataclass, field
from urllib.parse import quote_from_bytes

from eksauth.aws.partitions import PARTITIONS, partition_of_region, sts_host
from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.request import Pair, RawRequest, encode, parse_pairs
from eksauth.token.sigv4 import ALGORITHM, hmac_sha256, sha256_hex, signing_key

_TERMINATOR = "aws4_request"
_REQUIRED_IN_QUERY = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Signature")
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key"
    " and signing method. Consult the service documentation for details."
)


@dataclass(frozen=True)
class Authentication:
    """What a request claims about its signature; nothing here is verified."""

    access_key_id: str
    date: str
    region: str
    service: str
    amz_date: str
    signed_headers: tuple[str, ...]
    signature: str = field(repr=False)
    session_token: str | None = field(repr=False)
    query: tuple[Pair, ...] = field(repr=False)
    presigned: bool


def read_authentication(request: RawRequest) -> Authentication:
    """Take the authentication of a request apart, presigned or by header.

    :raises ServiceFault: MissingAuthenticationToken, IncompleteSignature, MalformedQueryString.
    """
    query = parse_pairs(request.query)
    in_query = {name: value for name, value in query if name.startswith(b"X-Amz-")}
    header = request.header_values("authorization")
    if not header and not in_query:
        raise ServiceFault("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
    if len(header) > 1 or (header and b"X-Amz-Signature" in in_query):
        raise ServiceFault("IncompleteSignature", "A request carries exactly one signature.")
    if header:
        return _from_header(request, header[0], query)
    return _from_query(query)


def _from_query(query: list[Pair]) -> Authentication:
    values: dict[str, str] = {}
    for raw_name, raw_value in query:
        name = raw_name.decode("utf-8", "replace")
        if name.lower().startswith("x-amz-"):
            if any(name.lower() == seen.lower() for seen in values):
                raise ServiceFault("MalformedQueryString", f"The parameter {name[:64]} is given more than once.")
            values[name] = raw_value.decode("utf-8", "replace")
    for name in _REQUIRED_IN_QUERY:
        if not values.get(name):
            raise ServiceFault(
                "IncompleteSignature",
                f"AWS query-string parameters must include '{name}'. Re-examine the query-string parameters.",
            )
    return _build(
        algorithm=values["X-Amz-Algorithm"],
        credential=values["X-Amz-Credential"],
        signed_headers=values["X-Amz-SignedHeaders"],
        signature=values["X-Amz-Signature"],
        amz_date=values["X-Amz-Date"],
        session_token=values.get("X-Amz-Security-Token"),
        query=tuple(pair for pair in query if pair[0] != b"X-Amz-Signature"),
        presigned=True,
    )


def _from_header(request: RawRequest, header: bytes, query: list[Pair]) -> Authentication:
    algorithm, _, rest = header.decode("utf-8", "replace").strip().partition(" ")
    fields: dict[str, str] = {}
    for piece in rest.split(","):
        name, equals, value = piece.strip().partition("=")
        if not equals or name in fields:
            raise ServiceFault(
                "IncompleteSignature",
                "Authorization header holds something that is no key=value pair (missing equal-sign), or one twice.",
            )
        fields[name] = value
    missing = [name for name in ("Credential", "Signature", "SignedHeaders") if not fields.get(name)]
    dates = request.header_values("x-amz-date")
    complaints = [f"Authorization header requires '{name}' parameter." for name in missing]
    if len(dates) != 1:
        complaints.append("Authorization header requires existence of exactly one 'X-Amz-Date' header.")
    if complaints:
        raise ServiceFault("IncompleteSignature", " ".join(complaints))
    return _build(
        algorithm=algorithm,
        credential=fields["Credential"],
        signed_headers=fields["SignedHeaders"],
        signature=fields["Signature"],
        amz_date=dates[0].decode("utf-8", "replace").strip(),
        session_token=request.header("x-amz-security-token") or None,
        query=tuple(query),
        presigned=False,
    )


def _build(
    *,
    algorithm: str,
    credential: str,
    signed_headers: str,
    signature: str,
    amz_date: str,
    session_token: str | None,
    query: tuple[Pair, ...],
    presigned: bool,
) -> Authentication:
    if algorithm != ALGORITHM:
        raise ServiceFault("IncompleteSignature", f"Unsupported AWS 'algorithm': '{algorithm[:64]}'.")
    scope = credential.split("/")
    if len(scope) != 5:
        raise ServiceFault(
            "IncompleteSignature",
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term,"
            f" got '{credential[:128]}'",
        )
    if scope[4] != _TERMINATOR:
        raise ServiceFault(
            "SignatureDoesNotMatch",
            f"Credential should be scoped with a valid terminator: '{_TERMINATOR}', not '{scope[4][:64]}'.",
            403,
        )
    return Authentication(
        access_key_id=scope[0],
        date=scope[1],
        region=scope[2],
        service=scope[3],
        amz_date=amz_date,
        signed_headers=tuple(signed_headers.split(";")),
        signature=signature,
        session_token=session_token,
        query=query,
        presigned=presigned,
    )


def check_scope_and_time(request: RawRequest, claim: Authentication, *, now: float, minutes: int) -> None:
    """Check what can be checked without the secret: date, region of the host, signed headers.

    :param now: seconds since the epoch.
    :param minutes: how far the date may lie in the past or future; X-Amz-Expires plays no part, as at the real STS.
    :raises ServiceFault: IncompleteSignature or SignatureDoesNotMatch.
    """
    signed_at = parse_amz_date(claim.amz_date)
    if signed_at is None:
        raise ServiceFault(
            "IncompleteSignature",
            "Date must be in ISO-8601 'basic format'. Got"
            f" '{claim.amz_date[:64]}'. See http://en.wikipedia.org/wiki/ISO_8601",
        )
    if claim.date != claim.amz_date[:8]:
        raise ServiceFault(
            "SignatureDoesNotMatch",
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP:"
            f" '{claim.date[:64]}' != '{claim.amz_date[:8]}', from '{claim.amz_date}'.",
            403,
        )
    expected = region_of_host(request.host)
    if claim.region != expected if expected else partition_of_region(claim.region) is None:
        raise ServiceFault(
            "SignatureDoesNotMatch", f"Credential should be scoped to a valid region, not '{claim.region[:64]}'. ", 403
        )
    limit = minutes * 60
    if signed_at + limit < now:
        raise ServiceFault(
            "SignatureDoesNotMatch",
            f"Signature expired: {claim.amz_date} is now earlier than {amz_date(now - limit)}"
            f" ({amz_date(now)} - {minutes} min.)",
            403,
        )
    if signed_at - limit > now:
        raise ServiceFault(
            "SignatureDoesNotMatch",
            f"Signature not yet current: {claim.amz_date} is still later than {amz_date(now + limit)}"
            f" ({amz_date(now)} + {minutes} min.)",
            403,
        )
    if "host" not in claim.signed_headers:
        raise ServiceFault(
            "SignatureDoesNotMatch", "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.", 403
        )
    present = {name for name, _ in request.headers}
    for name in claim.signed_headers:
        if name.encode() not in present:
            raise ServiceFault(
                "SignatureDoesNotMatch",
                f"'{name[:64]}' is named as a SignedHeader, but it does not exist in the HTTP request",
                403,
            )


def check_signature(request: RawRequest, claim: Authentication, secret_access_key: str) -> None:
    """Compare the signature with the one that the secret makes over this very request, in constant time.

    :raises ServiceFault: SignatureDoesNotMatch.
    """
    scope = f"{claim.date}/{claim.region}/{claim.service}/{_TERMINATOR}"
    to_sign = f"{ALGORITHM}\n{claim.amz_date}\n{scope}\n{sha256_hex(canonical_request(request, claim))}"
    key = signing_key(secret_access_key, claim.date, claim.region, claim.service)
    expected = hmac_sha256(key, to_sign.encode("utf-8", "surrogateescape")).hex()
    if not hmac.compare_digest(expected.encode(), claim.signature.encode("utf-8", "surrogateescape")):
        raise ServiceFault("SignatureDoesNotMatch", _MISMATCH, 403)


def canonical_request(request: RawRequest, claim: Authentication) -> bytes:
    """Rebuild the canonical request from what arrived."""
    query = "&".join(f"{name}={value}" for name, value in sorted((encode(n), encode(v)) for n, v in claim.query))
    headers = b"".join(_canonical_header(request, name) for name in claim.signed_headers)
    return b"\n".join(
        (
            request.method.encode(),
            _canonical_path(request.path).encode(),
            query.encode(),
            headers,
            ";".join(claim.signed_headers).encode("utf-8", "surrogateescape"),
            sha256_hex(request.body).encode(),
        )
    )


def _canonical_header(request: RawRequest, name: str) -> bytes:
    values = [b" ".join(value.split()) for value in request.header_values(name)]
    return name.encode() + b":" + b",".join(values) + b"\n"


def _canonical_path(path: bytes) -> str:
    # every service but S3: dot segments resolved, then encoded once more
    if not path:
        return "/"
    resolved = posixpath.normpath(path).lstrip(b"/")
    trailing = b"/" if path.endswith(b"/") and resolved not in {b"", b"."} else b""
    return quote_from_bytes(b"/" + (b"" if resolved == b"." else resolved) + trailing, safe="/~")


def region_of_host(host: str) -> str | None:
    """Return the region that an STS host stands for, or None for any other host.

    The commercial global host is us-east-1.
    """
    if host == "sts.amazonaws.com":
        return "us-east-1"
    label, _, rest = host.partition(".")
    region, _, suffix = rest.partition(".")
    if label not in {"sts", "sts-fips"} or not region:
        return None
    suffixes = {one for partition in PARTITIONS for one in (partition.dns_suffix, partition.dual_stack_suffix)}
    variants = {sts_host(region, fips=fips, dual_stack=dual) for fips in (False, True) for dual in (False, True)}
    return region if host in variants or suffix in suffixes else None


def parse_amz_date(text: str) -> float | None:
    """Return the seconds since the epoch of ``YYYYMMDDTHHMMSSZ``, or None for anything else."""
    if len(text) != 16 or not text.isascii() or text[8] != "T" or text[15] != "Z":
        return None
    if not (text[:8] + text[9:15]).isdigit():
        return None
    try:
        return float(timegm(time.strptime(text, "%Y%m%dT%H%M%SZ")))
    except (ValueError, OverflowError):
        return None


def amz_date(seconds: float) -> str:
    """Return ``YYYYMMDDTHHMMSSZ`` of seconds since the epoch."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(seconds))
