"""``/readyz`` over HTTP."""

from __future__ import annotations

import msgspec
from aiohttp import web
from multidict import MultiMapping

from eksauth.authenticator.server.reports import Check, Readiness


def readiness_answer(ready: Readiness, query: MultiMapping[str]) -> web.Response:
    """Return the answer of ``/readyz``: 200 or 503.

    :param query: ``verbose`` asks for every check as JSON; ``exclude=NAME``, repeatable, leaves a check out of the
        judgement, as kube-apiserver does. In an outage of STS a server still
        knows most tokens, and should go on getting requests.
    """
    excluded = set(query.getall("exclude", []))
    if excluded:
        ready = _without(ready, excluded)
    status = 200 if ready.ready else 503
    if "verbose" in query:
        return web.Response(body=msgspec.json.encode(ready), status=status, content_type="application/json")
    return web.Response(text="ok" if ready.ready else f"not ready: {ready.why_not()}", status=status)


def _without(ready: Readiness, excluded: set[str]) -> Readiness:
    checks = [
        Check(check.name, ok=True, detail=f"excluded: {check.detail}") if check.name in excluded else check
        for check in ready.checks
    ]
    # not ready without a failing check is no report at all
    return Readiness(all(check.ok for check in checks) and bool(checks), checks)
