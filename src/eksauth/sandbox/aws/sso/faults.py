"""How Identity Center says no: OAuth errors in OIDC's shape, messages in the portal's."""

from __future__ import annotations

import json

from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.wire import Answer, new_request_id

OIDC = "sso-oidc"
PORTAL = "sso"

_OAUTH = {
    "AccessDeniedException": "access_denied",
    "AuthorizationPendingException": "authorization_pending",
    "ExpiredTokenException": "expired_token",
    "InternalServerException": "server_error",
    "InvalidClientException": "invalid_client",
    "InvalidClientMetadataException": "invalid_client_metadata",
    "InvalidGrantException": "invalid_grant",
    "InvalidRedirectUriException": "invalid_redirect_uri",
    "InvalidRequestException": "invalid_request",
    "InvalidScopeException": "invalid_scope",
    "SlowDownException": "slow_down",
    "UnauthorizedClientException": "unauthorized_client",
    "UnsupportedGrantTypeException": "unsupported_grant_type",
}
"""Exception of the service model -> the value of ``error`` that its documentation gives."""


def oidc_fault(error: str, message: str) -> ServiceFault:
    """Return a fault by its OAuth name, such as ``invalid_grant``."""
    code = next(code for code, name in _OAUTH.items() if name == error)
    return ServiceFault(code, message, {"invalid_client": 401, "server_error": 500}.get(error, 400))


def oidc_error(fault: ServiceFault) -> Answer:
    """Write an error of the OIDC service; general faults become the ones that its model has."""
    code, status = fault.code, fault.status
    if code == "Throttling":
        code, status = "SlowDownException", 400
    elif code == "InternalFailure":
        code = "InternalServerException"
    elif code == "MalformedQueryString":
        code = "InvalidRequestException"
    body = {"error": _OAUTH.get(code, "server_error"), "error_description": fault.message}
    return _write(status, code, body)


def portal_error(fault: ServiceFault) -> Answer:
    """Write an error of the access portal's API."""
    code, status = fault.code, fault.status
    if code == "Throttling":
        code, status = "TooManyRequestsException", 429
    elif code == "MalformedQueryString":
        code = "InvalidRequestException"
    return _write(status, code, {"message": fault.message, "__type": f"com.amazonaws.switchboard.portal#{code}"})


def _write(status: int, code: str, body: dict[str, str]) -> Answer:
    # tokens and their absence are nobody else's to keep: https://datatracker.ietf.org/doc/html/rfc6749#section-5.1
    headers = {"x-amzn-RequestId": new_request_id(), "x-amzn-ErrorType": code, "Cache-Control": "no-store"}
    return Answer(status, json.dumps(body).encode(), "application/json", headers, code)
