"""What the browser shows at the end of a sign-in: static, without anything that was sent; pure."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator

ALREADY = ("Already answered", "This sign-in was answered before. Go back to the terminal.")
NOT_EXPECTED = ("Nothing here", "This address only takes the answer of a sign-in that eksauth has begun.")
_SCRIPT = 'history.replaceState(null,"","/")'
"""Takes the used code out of the address line and the history."""
_STYLE = "body{font:16px/1.5 sans-serif;margin:15vh auto;max-width:32em;padding:0 1em;color:#222;background:#fff}"


def page(title: str, text: str) -> bytes:
    """Return a page of two sentences; both are ours, so nothing needs escaping."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>eksauth: {title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body><h1>{title}</h1><p>{text}</p><script>{_SCRIPT}</script></body></html>\n"
    ).encode()


def headers(content: bytes) -> Iterator[tuple[str, str]]:
    """Return the headers that go with it: nothing is loaded, kept, framed or sent on."""
    yield "Content-Type", "text/html; charset=utf-8"
    yield "Content-Length", str(len(content))
    yield "Cache-Control", "no-store"
    yield "Referrer-Policy", "no-referrer"
    yield "X-Content-Type-Options", "nosniff"
    policy = f"default-src 'none'; style-src {_hash(_STYLE)}; script-src {_hash(_SCRIPT)}; frame-ancestors 'none'"
    yield "Content-Security-Policy", f"{policy}; base-uri 'none'; form-action 'none'"
    yield "Connection", "close"


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
