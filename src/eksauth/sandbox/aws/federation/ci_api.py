"""What the CI issuer answers: discovery documents, key sets, and tokens for jobs that show their request token.

The token request is GitHub Actions' own: GET with ``Authorization: bearer …`` and ``audience`` in the query, answered
by ``{"count": …, "value": "<token>"}``.
"""

from __future__ import annotations

import hmac
import json
from typing import Any

from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.federation.ci_issuer import CiIssuer
from eksauth.sandbox.aws.federation.ci_platforms import PLATFORMS
from eksauth.sandbox.aws.request import RawRequest, parse_pairs
from eksauth.sandbox.aws.wire import Answer

SERVICE = "ci"
_PREFIX = "/ci/"
_DISCOVERY = ".well-known/openid-configuration"
_OPERATIONS = {_DISCOVERY: "Discovery", "jwks": "KeySet", "token": "IdToken"}
_LONGEST_AUDIENCE = 2048


def ci_operation(request: RawRequest) -> tuple[str, str] | None:
    """Return (service, operation) when the request is for the CI issuer, as its path says."""
    if not request.path.startswith(_PREFIX.encode()):
        return None
    return SERVICE, _OPERATIONS.get(_split(request)[1], "Unknown")


def serve_ci(request: RawRequest, issuer: CiIssuer, now: float) -> Answer:
    """Answer a request that :func:`ci_operation` recognised.

    :raises ServiceFault: NotFound, MethodNotAllowed, Unauthorized, BadRequest.
    """
    name, document = _split(request)
    platform = PLATFORMS.get(name)
    if platform is None or document not in _OPERATIONS:
        raise ServiceFault("NotFound", "there is no such document here", 404)
    if request.method != "GET":
        raise ServiceFault("MethodNotAllowed", "documents are read with GET", 405)
    if document == _DISCOVERY:
        return _reply(200, issuer.discovery(platform))
    if document == "jwks":
        return _reply(200, issuer.key_set())
    if name != "github":
        raise ServiceFault("NotFound", "only GitHub Actions gives tokens by request; others put them into the job", 404)
    scheme, _, given = request.header("authorization").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), issuer.request_token.encode()):
        raise ServiceFault("Unauthorized", "the request token is missing or wrong", 401)
    audience = _audience(request)
    changes = dict(issuer.job_claims)
    return _reply(200, {"count": 1, "value": issuer.token(platform, now=now, audience=audience, claims=changes)})


def ci_error(fault: ServiceFault) -> Answer:
    """Write an error of the issuer."""
    return _reply(fault.status, {"message": fault.message}, fault.code)


def _audience(request: RawRequest) -> str | None:
    values = [value for name, value in parse_pairs(request.query) if name == b"audience"]
    if not values or not values[0]:
        return None
    try:
        text = values[0].decode()
    except UnicodeDecodeError:
        text = ""
    if len(values) > 1 or not 0 < len(text) <= _LONGEST_AUDIENCE:
        raise ServiceFault("BadRequest", "audience is one text of moderate length", 400)
    return text


def _split(request: RawRequest) -> tuple[str, str]:
    rest = request.path.decode("ascii", "replace").removeprefix(_PREFIX)
    if rest in {_DISCOVERY, "jwks"}:
        return "generic", rest
    name, _, document = rest.partition("/")
    return name, document


def _reply(status: int, document: Any, code: str = "") -> Answer:
    return Answer(status, json.dumps(document).encode(), "application/json", {"Cache-Control": "no-store"}, code)
