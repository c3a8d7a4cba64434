"""The outer form of a token: size, prefix, base64; and what people paste instead of one. Pure."""

from __future__ import annotations

import json
from binascii import a2b_base64, b2a_base64
from typing import NamedTuple

from eksauth.authenticator.rules.refusal import Refusal
from eksauth.token.bearer import TOKEN_PREFIX

MAX_TOKEN_BYTES = 16 * 1024
"""What we accept. STS itself refuses request lines beyond about 16 KiB, so a longer token can never work."""
RELEASED_MAX_TOKEN_BYTES = 4096
"""What aws-iam-authenticator accepts up to 0.7.18, the prefix included; its cap refuses large session tokens."""

_PREFIX = TOKEN_PREFIX.encode()
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_TO_URLSAFE = bytes.maketrans(b"+/", b"-_")


def as_bytes(token: str | bytes) -> bytes:
    """Return the bytes of a token however it came; of one far beyond the limit only enough to say so."""
    head = token[: MAX_TOKEN_BYTES + 1]
    return head.encode("utf-8", "surrogatepass") if isinstance(head, str) else head


def refuse_size(token: bytes) -> Refusal | None:
    """Refuse what is longer than a token can be."""
    if len(token) <= MAX_TOKEN_BYTES:
        return None
    return Refusal(
        "token.too_large",
        f"the token is larger than {MAX_TOKEN_BYTES} bytes",
        "use credentials with a smaller session token: fewer session tags, or one role hop more",
    )


def refuse_prefix(token: bytes) -> Refusal | None:
    """Refuse what does not begin with ``k8s-aws-v1.``, and guess what it is."""
    if token.startswith(_PREFIX):
        return None
    return Refusal("token.missing_prefix", f"the token does not begin with {TOKEN_PREFIX}", _guess(token))


def _guess(token: bytes) -> str:
    start = token[:64].lstrip()
    if not start:
        return "the token is empty"
    if start[:1] == b"{":
        return "this looks like a whole ExecCredential; only its status.token is the token"
    if start[:7].lower() == b"bearer ":
        return "leave out the word Bearer; it belongs to the Authorization header"
    if start[:1] in {b'"', b"'"}:
        return "leave out the quotes"
    if start.startswith(_PREFIX):
        return "leave out the blanks before the token"
    if start[:10].lower() == b"k8s-aws-v1":
        return f"the prefix must be exactly {TOKEN_PREFIX}"
    if start.startswith(b"k8s-aws-"):
        return "only version 1 of the token format exists"
    if start.startswith(b"eyJ") and token.count(b".") == 2:
        return "this is a JWT (a service account or OIDC token); clusters do not ask AWS about those"
    if start.startswith((b"http:", b"https:")):
        return f"this is a bare URL; a token is {TOKEN_PREFIX} and the URL in base64url"
    if start.startswith((b"aHR0c", b"SFRUU")):
        return f"put {TOKEN_PREFIX} in front"
    return "mint one with 'eksauth token --cluster-name NAME --region REGION'"


class Decoded(NamedTuple):
    """What the base64 holds, and why a cluster refuses its form; ``url`` is None when there is nothing to salvage."""

    url: bytes | None
    refusal: Refusal | None


def decode_body(token: bytes) -> Decoded:
    """Decode what follows the prefix.

    Only the one canonical form passes: base64url, no padding, no line breaks, no stray bits in the last letter. The
    reference tolerates the last two, so that several texts are one token; we do not (``token.not_canonical``).
    """
    body = token.removeprefix(_PREFIX)
    foreign = set(body.translate(None, _ALPHABET))
    if not foreign:
        if len(body) % 4 == 1:
            return Decoded(_salvage(body[:-1]), _not_base64("its length cannot be", "the token was cut off; copy all"))
        url = _salvage(body)
        if url is not None and b2a_base64(url, newline=False).translate(_TO_URLSAFE).rstrip(b"=") == body:
            return Decoded(url, None)
        return Decoded(url, _not_canonical("stray bits in its last letter"))
    if foreign <= set(b"\r\n"):
        joined = body.translate(None, b"\r\n")
        if len(joined) % 4 == 1:
            return Decoded(None, _not_base64("its length cannot be", "the token was cut off; copy all of it"))
        return Decoded(_salvage(joined), _not_canonical("line breaks in it"))
    if foreign <= set(b"=+/\r\n"):
        what = "padded with =" if b"=" in body else "in the standard alphabet (+ and /)"
        hint = "encode with the URL-safe alphabet (- and _) and without = at the end"
        salvaged = body.translate(_TO_URLSAFE, b"=\r\n")
        return Decoded(_salvage(salvaged), _not_base64(f"it is {what}", hint))
    hint = "the token has characters of something else in it; copy it again, without blanks"
    return Decoded(None, _not_base64("it has foreign characters", hint))


def _not_base64(why: str, hint: str) -> Refusal:
    return Refusal("token.not_base64url", f"what follows the prefix is not unpadded base64url: {why}", hint)


def _not_canonical(why: str) -> Refusal:
    return Refusal(
        "token.not_canonical",
        f"the base64url of the token is not in its one canonical form: {why}",
        "the token was altered on its way; mint a new one and pass it unchanged",
    )


def _salvage(body: bytes) -> bytes | None:
    if len(body) % 4 == 1:
        return None
    return a2b_base64(body.translate(_TO_STANDARD) + b"=" * (-len(body) % 4))


class Unwrapped(NamedTuple):
    """A token taken out of what it was wrapped in; ``wrapping`` names that, or is None for a bare token."""

    token: bytes
    wrapping: str | None


def unwrap(text: bytes) -> Unwrapped:
    """Take a token out of an ExecCredential, an Authorization header, quotes or surrounding blanks.

    What wraps nothing is returned as it is.
    """
    bare = text.strip()
    if bare[:1] == b"{":
        inner = _token_of_exec_credential(bare)
        return Unwrapped(text, None) if inner is None else Unwrapped(inner, "an ExecCredential")
    lower = bare[:32].lower()
    if lower.startswith(b"authorization:"):
        bare = bare[len(b"authorization:") :].lstrip()
    if bare[:7].lower() == b"bearer ":
        return Unwrapped(bare[7:].strip(), "an Authorization header")
    if len(bare) > 1 and bare[:1] == bare[-1:] and bare[:1] in {b'"', b"'"}:
        return Unwrapped(bare[1:-1].strip(), "quotes")
    return Unwrapped(bare, "blanks") if bare != text and bare.startswith(_PREFIX) else Unwrapped(text, None)


def _token_of_exec_credential(text: bytes) -> bytes | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    status = value.get("status") if isinstance(value, dict) else None
    token = status.get("token") if isinstance(status, dict) else None
    return token.encode("utf-8", "surrogatepass") if isinstance(token, str) else None
