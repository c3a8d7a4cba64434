"""One-time codes of virtual MFA devices (RFC 6238: SHA-1, six digits, thirty seconds)."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b32decode

_STEP_SECONDS = 30


def one_time_code(seed: str, *, now: float) -> str:
    """Return the code that a device with this base32 seed shows at ``now`` (seconds since the epoch)."""
    counter = int(now // _STEP_SECONDS).to_bytes(8, "big")
    digest = hmac.new(b32decode(seed), counter, hashlib.sha1).digest()
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"


def is_current_code(seed: str, code: str, *, now: float) -> bool:
    """Tell whether ``code`` is the device's, give or take one step for clocks that differ."""
    steps = (now - _STEP_SECONDS, now, now + _STEP_SECONDS)
    return any(hmac.compare_digest(one_time_code(seed, now=at), code) for at in steps) if code.isascii() else False
