"""``/readyz`` over HTTP."""

from __future__ import annotations

import msgspec
from aiohttp import web

from eksauth.authenticator.server.reports import Readiness


def readiness_answer(ready: Readiness, *, verbose: bool) -> web.Response:
    """Return the answer of ``/readyz``: 200 or 503; every check as JSON with ``verbose``."""
    status = 200 if ready.ready else 503
    if verbose:
        return web.Response(body=msgspec.json.encode(ready), status=status, content_type="application/json")
    return web.Response(text="ok" if ready.ready else f"not ready: {ready.why_not()}", status=status)
