"""Reading the URL inside a token exactly as the reference reads it, byte for byte, and nothing more leniently.

``urllib.parse`` drops tabs and line ends, lower-cases hosts, forgets empty values and tolerates broken escapes; Go's
net/url, which the reference uses, does none of that. Text here is Latin-1: one character is one byte. Pure.
"""

from __future__ import annotations

from typing import NamedTuple

_SCHEME_FIRST = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_SCHEME_REST = _SCHEME_FIRST | frozenset("0123456789+-.")
_URL_BYTES = bytes(range(0x21, 0x7F))
_UNSAFE = b'"<>\\^`{|}'
_SAFE = _URL_BYTES.translate(None, _UNSAFE)
_CONTROLS = bytes([*range(0x20), 0x7F])
_HEX = frozenset("0123456789abcdefABCDEF")


class PresignedUrl(NamedTuple):
    """The pieces of an absolute URL, none of them decoded; ``authority`` holds user info and port if there are any."""

    scheme: str
    authority: str
    path: str
    query: str
    has_fragment: bool


def has_control_characters(raw: bytes) -> bool:
    """Tell whether ``raw`` holds an ASCII control character; no parser takes those."""
    return len(raw.translate(None, _CONTROLS)) != len(raw)


def unsafe_bytes(raw: bytes) -> bytes:
    """Return the bytes of ``raw`` that RFC 3986 keeps out of URLs."""
    return raw.translate(None, _SAFE)


def split_url(raw: bytes) -> PresignedUrl | None:
    """Split an absolute ``scheme://authority/path?query``; None when it is not of that form."""
    text = raw.decode("latin-1")
    rest, number_sign, _fragment = text.partition("#")
    scheme, colon, rest = rest.partition(":")
    if not colon or not scheme or scheme[0] not in _SCHEME_FIRST or not _SCHEME_REST.issuperset(scheme):
        return None
    if not rest.startswith("//"):
        return None
    rest, _, query = rest[2:].partition("?")
    authority, slash, path = rest.partition("/")
    return PresignedUrl(scheme.lower(), authority, slash + path, query, bool(number_sign))


def parse_query(query: str) -> list[tuple[str, str]] | None:
    """Return the decoded pairs in order, with empty values; None when a parser would call the query malformed.

    A bare ``;`` or a ``%`` without two hex digits is malformed; ``&&`` and keys without a value are not.
    """
    pairs = []
    for piece in query.split("&"):
        if not piece:
            continue
        key, _, value = piece.partition("=")
        decoded_key, decoded_value = _unescape(key), _unescape(value)
        if ";" in piece or decoded_key is None or decoded_value is None:
            return None
        pairs.append((decoded_key, decoded_value))
    return pairs


def _unescape(text: str) -> str | None:
    """Decode ``+`` and ``%XX``; None for a broken escape."""
    head, *pieces = text.replace("+", " ").split("%")
    decoded = [head]
    for piece in pieces:
        code = piece[:2]
        if len(code) != 2 or not _HEX.issuperset(code):
            return None
        decoded.append(chr(int(code, 16)) + piece[2:])
    return "".join(decoded)
