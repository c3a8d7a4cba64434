"""When certificates of a kubeconfig are valid: the two dates of X.509 and nothing else; pure.

The core of eksauth has no cryptography library, and the standard one reads dates only of authorities or of a live
connection. Nothing is verified here. Source: RFC 5280 section 4.1, X.690 for the encoding.
"""

from __future__ import annotations

import base64
import binascii
import calendar
import re
from dataclasses import dataclass

_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_SEQUENCE, _INTEGER, _VERSION, _UTC_TIME, _GENERAL_TIME = 0x30, 0x02, 0xA0, 0x17, 0x18


@dataclass(frozen=True, slots=True)
class Validity:
    """From when to when a certificate is good, in epoch seconds."""

    not_before: float
    not_after: float


class NotACertificate(Exception):
    """The bytes hold no certificate that can be read; the text says why, in a few words."""


def validities(pem: bytes) -> list[Validity]:
    """Return the validity of each certificate in PEM text, in order.

    :raises NotACertificate: when there is none, or one is damaged.
    """
    blocks = [body for label, body in _PEM.findall(pem) if label in {b"CERTIFICATE", b"TRUSTED CERTIFICATE"}]
    if not blocks:
        raise NotACertificate("it holds no PEM block CERTIFICATE")
    return [_validity(_decoded(block)) for block in blocks]


def has_private_key(pem: bytes) -> bool:
    """Tell whether PEM text holds a private key."""
    return any(label.endswith(b"PRIVATE KEY") for label, _ in _PEM.findall(pem))


def _decoded(block: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(block.split()), validate=True)
    except (binascii.Error, ValueError):
        raise NotACertificate("a PEM block is not base64") from None


def _validity(der: bytes) -> Validity:
    try:
        certificate, _ = _expect(der, _SEQUENCE)
        fields, _ = _expect(certificate, _SEQUENCE)
        if fields[0] == _VERSION:
            _, fields = _element(fields)[1:]
        _, fields = _expect(fields, _INTEGER)
        _, fields = _expect(fields, _SEQUENCE)  # algorithm
        _, fields = _expect(fields, _SEQUENCE)  # issuer
        dates, _ = _expect(fields, _SEQUENCE)
        begin, dates = _time(dates)
        end, _ = _time(dates)
    except (IndexError, ValueError):
        raise NotACertificate("a certificate is damaged") from None
    return Validity(begin, end)


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """Return tag, content and what follows."""
    tag, length, at = data[0], data[1], 2
    if length & 0x80:
        size = length & 0x7F
        if not 1 <= size <= 4:
            raise ValueError("length")
        length, at = int.from_bytes(data[2 : 2 + size], "big"), 2 + size
    if at + length > len(data):
        raise ValueError("cut off")
    return tag, data[at : at + length], data[at + length :]


def _expect(data: bytes, tag: int) -> tuple[bytes, bytes]:
    found, content, rest = _element(data)
    if found != tag:
        raise ValueError("another tag")
    return content, rest


def _time(data: bytes) -> tuple[float, bytes]:
    tag, content, rest = _element(data)
    text = content.decode("ascii")
    digits = {_UTC_TIME: 12, _GENERAL_TIME: 14}.get(tag, 0)
    if len(text) != digits + 1 or not text[:digits].isdigit() or text[-1] != "Z":
        raise ValueError("not a time")
    if tag == _UTC_TIME:
        text = ("19" if text[:2] >= "50" else "20") + text
    parts = (int(text[:4]), *(int(text[at : at + 2]) for at in range(4, 14, 2)))
    return float(calendar.timegm((*parts, 0, 0, 0))), rest
