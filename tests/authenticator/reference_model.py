"""What aws-iam-authenticator (0.7.18) accepts before it asks STS, written down independently of our rules.

A port of its published behaviour: Go's base64, net/url and time parsing included, in the order of its checks. It is
deliberately naive and shares nothing with the code under test but the partition data.
"""

from __future__ import annotations

import base64
import calendar
import re
from binascii import Error as BinasciiError

SUFFIXES = {
    "aws": ("amazonaws.com", "api.aws"),
    "aws-cn": ("amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    "aws-us-gov": ("amazonaws.com", "api.aws"),
    "aws-iso": ("c2s.ic.gov", None),
    "aws-iso-b": ("sc2s.sgov.gov", None),
    "aws-iso-e": ("cloud.adc-e.uk", None),
    "aws-iso-f": ("csp.hci.ic.gov", None),
    "aws-eusc": ("amazonaws.eu", "api.amazonwebservices.eu"),
}
REGION_SHAPES = {
    "aws-cn": r"cn-\w+-\d+",
    "aws-us-gov": r"us-gov-\w+-\d+",
    "aws-iso": r"us-iso-\w+-\d+",
    "aws-iso-b": r"us-isob-\w+-\d+",
    "aws-iso-e": r"eu-isoe-\w+-\d+",
    "aws-iso-f": r"us-isof-\w+-\d+",
    "aws-eusc": r"eusc-(de)-\w+-\d+",
}
ALLOWED = {
    "action",
    "version",
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-security-token",
    "x-amz-signature",
    "x-amz-signedheaders",
}


def accepts_host(host: str, partition: str, server_region: str = "") -> bool:
    """Tell whether a reference server of ``partition`` takes ``host``."""
    labels = host.split(".")
    if host == "" or len(labels) < 3:
        return False
    if host == "sts.amazonaws.com":
        return partition == "aws"
    region = labels[1]
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?", region, re.ASCII):
        return False
    owner = next((name for name, shape in REGION_SHAPES.items() if re.fullmatch(shape, region, re.ASCII)), "aws")
    suffix, dual = SUFFIXES[owner]
    fips = "sts" if owner == "aws-us-gov" else "sts-fips"
    made = {f"sts.{region}.{suffix}", f"{fips}.{region}.{suffix}"}
    if dual:
        made |= {f"sts.{region}.{dual}", f"sts-fips.{region}.{dual}"}
    own_suffix, own_dual = SUFFIXES.get(partition, ("", None))
    if host in made:
        return len(labels) >= 4 and ".".join(labels[2:]) in {own_suffix, own_dual}
    own = {f"sts.{server_region}.{own_suffix}"} | ({f"sts.{server_region}.{own_dual}"} if own_dual else set())
    return bool(server_region) and host in own


def accepts(token: bytes, now: float, partition: str = "aws", *, max_bytes: int = 4096) -> bool:
    """Tell whether a reference server of ``partition`` would ask STS about ``token``."""
    if len(token) > max_bytes or not token.startswith(b"k8s-aws-v1."):
        return False
    raw = _go_base64(token[len(b"k8s-aws-v1.") :])
    parsed = _go_url(raw) if raw is not None else None
    if parsed is None:
        return False
    scheme, host, path, query = parsed
    if scheme != "https" or not accepts_host(host.decode("latin-1"), partition) or path != b"/":
        return False
    values = _go_query(query)
    if values is None:
        return False
    lowered = [_go_lower(name) for name in values]
    if len(set(lowered)) != len(lowered) or not set(lowered) <= ALLOWED:
        return False
    if any(len(found) != 1 for found in values.values()):
        return False
    by_name = {_go_lower(name): found[0].decode("latin-1") for name, found in values.items()}
    if by_name.get("action") != "GetCallerIdentity":
        return False
    if "x-k8s-aws-id" not in by_name.get("x-amz-signedheaders", "").lower().split(";"):
        return False
    expires = by_name.get("x-amz-expires", "")
    if not re.fullmatch(r"[+-]?[0-9]+", expires, re.ASCII) or not 0 <= int(expires[:4000]) <= 900:
        return False
    date = re.fullmatch(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)([.,]\d+)?Z", by_name.get("x-amz-date", ""), re.ASCII)
    if not date:
        return False
    year, month, day, hour, minute, second = (int(piece) for piece in date.groups()[:6])
    if not 1 <= month <= 12 or hour > 23 or minute > 59 or second > 59:
        return False
    if not 1 <= day <= calendar.monthrange(year or 4, month)[1]:
        return False
    if year == 0:
        return False  # far in the past
    fraction = float("0." + date[7][1:]) if date[7] else 0.0
    return now <= calendar.timegm((year, month, day, hour, minute, second)) + fraction + 900


def _go_base64(text: bytes) -> bytes | None:
    """RawURLEncoding.DecodeString: line breaks are skipped, stray bits in the last letter ignored."""
    text = text.replace(b"\r", b"").replace(b"\n", b"")
    if not re.fullmatch(rb"[A-Za-z0-9_-]*", text) or len(text) % 4 == 1:
        return None
    try:
        return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except BinasciiError:  # pragma: no cover
        return None


def _go_url(raw: bytes) -> tuple[str, bytes, bytes, bytes] | None:
    """url.Parse, as far as an absolute URL goes: scheme, Host (with port), decoded path, raw query."""
    raw, _, fragment = raw.partition(b"#")
    if re.search(rb"[\x00-\x1f\x7f]", raw + fragment) or _go_unescape(fragment, plus=False) is None:
        return None
    match = re.fullmatch(rb"([A-Za-z][A-Za-z0-9+.-]*)://([^/?]*)([^?]*)(?:\?(.*))?", raw, re.DOTALL)
    if not match:
        return None
    scheme, authority, path, query = match.groups()
    if b"?" in authority:
        return None
    userinfo, at, host = authority.rpartition(b"@")
    if at and (
        not re.fullmatch(rb"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*", userinfo) or _go_unescape(userinfo, plus=False) is None
    ):
        return None
    decoded_path = _go_unescape(path, plus=False)
    if decoded_path is None:
        return None
    return scheme.decode().lower(), host, decoded_path, query or b""


def _go_query(query: bytes) -> dict[bytes, list[bytes]] | None:
    values: dict[bytes, list[bytes]] = {}
    for pair in query.split(b"&"):
        if not pair:
            continue
        if b";" in pair:
            return None
        name, _, value = pair.partition(b"=")
        decoded = _go_unescape(name, plus=True), _go_unescape(value, plus=True)
        if decoded[0] is None or decoded[1] is None:
            return None
        values.setdefault(decoded[0], []).append(decoded[1])
    return values


def _go_unescape(text: bytes, *, plus: bool) -> bytes | None:
    if re.search(rb"%(?![0-9A-Fa-f]{2})", text):
        return None
    if plus:
        text = text.replace(b"+", b" ")
    return re.sub(rb"%([0-9A-Fa-f]{2})", lambda match: bytes([int(match[1], 16)]), text)


def _go_lower(name: bytes) -> str:
    return name.decode("utf-8", "replace").lower()
