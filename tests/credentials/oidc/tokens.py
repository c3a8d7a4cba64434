"""Unsigned tokens: what reads them here never checks a signature."""

from __future__ import annotations

import base64
import json

NOW = 1_900_000_000.0


def jwt(**claims: object) -> str:
    """Return a token with these claims over good ones; None leaves one out."""
    body = {
        "iss": "https://ci.example.com",
        "sub": "repo:acme/shop:ref:refs/heads/main",
        "aud": "sts.amazonaws.com",
        "exp": NOW + 300,
        **claims,
    }
    kept = {name: value for name, value in body.items() if value is not None}
    return ".".join([part({"alg": "RS256", "kid": "1"}), part(kept), base64.urlsafe_b64encode(b"sig" * 9).decode()])


def part(value: object) -> str:
    """Return one part of a token."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
