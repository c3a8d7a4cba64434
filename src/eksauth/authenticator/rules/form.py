"""Rules about the form of a token: its text, its URL, its parameters. Pure.

Each adds what it could read to the evidence, for the rules behind it.
"""

from __future__ import annotations

from collections import Counter

from eksauth.authenticator.rules import token_text
from eksauth.authenticator.rules.evidence import OTHER_PLUGIN, Evidence, NotReached, shown
from eksauth.authenticator.rules.presigned_url import has_control_characters, parse_query, split_url, unsafe_bytes
from eksauth.authenticator.rules.refusal import Refusal
from eksauth.authenticator.rules.sts_host import refuse_host, understand_host

ALLOWED_PARAMETERS = frozenset(
    [
        "action",
        "version",
        "x-amz-algorithm",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-expires",
        "x-amz-security-token",
        "x-amz-signature",
        "x-amz-signedheaders",
    ]
)


def check_size(evidence: Evidence) -> Refusal | None:
    """Check that it is at most 16 KiB."""
    return token_text.refuse_size(evidence.token)


def check_prefix(evidence: Evidence) -> Refusal | None:
    """Check that it begins with ``k8s-aws-v1.``."""
    if len(evidence.token) > token_text.MAX_TOKEN_BYTES:
        raise NotReached
    return token_text.refuse_prefix(evidence.token)


def check_base64(evidence: Evidence) -> Refusal | None:
    """Check that it continues in canonical base64url."""
    if len(evidence.token) > token_text.MAX_TOKEN_BYTES or token_text.refuse_prefix(evidence.token):
        raise NotReached
    evidence.decoded, refusal = token_text.decode_body(evidence.token)
    return refusal


def check_url(evidence: Evidence) -> Refusal | None:
    """Check that it holds one plain URL, without user or fragment."""
    raw = evidence.decoded
    if raw is None:
        raise NotReached
    url = None if has_control_characters(raw) else split_url(raw)
    if url is None:
        return Refusal("token.not_a_url", "the token does not hold a URL", OTHER_PLUGIN)
    evidence.url = url
    if unsafe_bytes(raw):
        return Refusal("token.unsafe_characters", "the URL holds characters that must be escaped", OTHER_PLUGIN)
    if url.has_fragment:
        return Refusal("token.fragment", "the URL has a fragment (#)", OTHER_PLUGIN)
    if "@" in url.authority:
        return Refusal("token.userinfo", "the URL names a user before its host", OTHER_PLUGIN)
    return None


def check_scheme(evidence: Evidence) -> Refusal | None:
    """Check that the URL is https."""
    if evidence.need_url().scheme == "https":
        return None
    return Refusal(
        "token.not_https", f"the URL's scheme is {shown(evidence.need_url().scheme)}, not https", OTHER_PLUGIN
    )


def check_host(evidence: Evidence) -> Refusal | None:
    """Check that the host is STS in a region of the cluster's partition."""
    name = evidence.need_url().authority
    evidence.host = understand_host(name)
    return refuse_host(name, evidence.partition)


def check_path(evidence: Evidence) -> Refusal | None:
    """Check that the path is ``/``."""
    path = evidence.need_url().path
    if path == "/":
        return None
    return Refusal("token.unexpected_path", f"the URL's path is {shown(path)}, not '/'", OTHER_PLUGIN)


def check_query(evidence: Evidence) -> Refusal | None:
    """Check that the query is well formed."""
    evidence.pairs = parse_query(evidence.need_url().query)
    if evidence.pairs is None:
        hint = "the token was altered on its way, or cut off; mint a new one"
        return Refusal("token.malformed_query", "the URL's query is malformed", hint)
    lowered: dict[str, str] = {}
    for name, value in evidence.pairs:
        lowered.setdefault(name.lower() if name.isascii() else name, value)
    evidence.parameters = lowered
    return None


def check_unique_names(evidence: Evidence) -> Refusal | None:
    """Check that no parameter has two spellings (CVE-2022-2385)."""
    spellings: dict[str, str] = {}
    for name, _ in evidence.need_pairs():
        if name.isascii() and spellings.setdefault(name.lower(), name) != name:
            return Refusal(
                "token.duplicate_parameter",
                f"parameter {shown(name)} is given twice, spelled differently",
                "somebody may have tampered with this token; mint a new one",
            )
    return None


def check_known_names(evidence: Evidence) -> Refusal | None:
    """Check that only parameters of a presigned call are given."""
    for name, _ in evidence.need_pairs():
        if not name.isascii():
            return Refusal("token.unsafe_characters", "a parameter's name is not ASCII", OTHER_PLUGIN)
        if name.lower() not in ALLOWED_PARAMETERS:
            return Refusal("token.unexpected_parameter", f"parameter {shown(name)} does not belong", OTHER_PLUGIN)
    return None


def check_single_values(evidence: Evidence) -> Refusal | None:
    """Check that each parameter is given once."""
    for name, count in Counter(name for name, _ in evidence.need_pairs()).items():
        if count > 1:
            return Refusal("token.repeated_parameter", f"parameter {shown(name)} is given {count} times", OTHER_PLUGIN)
    return None
