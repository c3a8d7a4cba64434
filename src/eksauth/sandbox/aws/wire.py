"""How the services write answers: query protocol in XML and JSON, REST-JSON."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

from eksauth.sandbox.aws.faults import ServiceFault

NAMESPACES = {"sts": "https://sts.amazonaws.com/doc/2011-06-15/", "iam": "https://iam.amazonaws.com/doc/2010-05-08/"}

_REST_CODES = {
    "AccessDenied": "AccessDeniedException",
    "ExpiredToken": "ExpiredTokenException",
    "IncompleteSignature": "IncompleteSignatureException",
    "InternalFailure": "ServerException",
    "InvalidClientTokenId": "UnrecognizedClientException",
    "MissingAuthenticationToken": "MissingAuthenticationTokenException",
    "NotImplemented": "NotImplementedException",
    "SignatureDoesNotMatch": "InvalidSignatureException",
    "Throttling": "ThrottlingException",
}


@dataclass(frozen=True)
class Answer:
    """A response to send; ``code`` is the error code, for the request log only."""

    status: int
    body: bytes = field(repr=False)
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)
    code: str = ""


@dataclass(frozen=True)
class Moment:
    """A time in a result: ISO text in XML, a number in JSON."""

    seconds: float


def new_request_id() -> str:
    """Return a request id as AWS writes them."""
    return str(uuid.uuid4())


def query_result(service: str, action: str, result: Mapping[str, Any], *, as_json: bool) -> Answer:
    """Write the result of a query-protocol operation."""
    request_id = new_request_id()
    if as_json:
        document = {
            f"{action}Response": {
                f"{action}Result": _jsonable(result),
                "ResponseMetadata": {"RequestId": request_id},
            }
        }
        return _json(200, document, request_id)
    body = (
        f'<{action}Response xmlns="{NAMESPACES[service]}">'
        f"<{action}Result>{_xml(result)}</{action}Result>"
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{action}Response>"
    )
    return Answer(200, body.encode(), "text/xml", {"x-amzn-RequestId": request_id})


def query_error(service: str, fault: ServiceFault, *, as_json: bool) -> Answer:
    """Write an error of a query-protocol service."""
    request_id = new_request_id()
    sender = "Sender" if fault.status < 500 else "Receiver"
    if as_json:
        error = {"Code": fault.code, "Message": fault.message, "Type": sender}
        return _json(fault.status, {"Error": error, "RequestId": request_id}, request_id, code=fault.code)
    error_xml = _xml({"Type": sender, "Code": fault.code, "Message": fault.message})
    body = (
        f'<ErrorResponse xmlns="{NAMESPACES.get(service, NAMESPACES["sts"])}"><Error>{error_xml}</Error>'
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    )
    return Answer(fault.status, body.encode(), "text/xml", {"x-amzn-RequestId": request_id}, fault.code)


def rest_result(document: Mapping[str, Any], status: int = 200) -> Answer:
    """Write the result of a REST-JSON operation."""
    return _json(status, document, new_request_id())


def rest_error(fault: ServiceFault) -> Answer:
    """Write an error of a REST-JSON service, its code in those services' spelling."""
    code = _REST_CODES.get(fault.code, fault.code)
    status = 429 if fault.code == "Throttling" else fault.status
    return _json(status, {"message": fault.message}, new_request_id(), code=code, extra={"x-amzn-ErrorType": code})


def _json(
    status: int, document: Any, request_id: str, *, code: str = "", extra: Mapping[str, str] | None = None
) -> Answer:
    headers = {"x-amzn-RequestId": request_id, **(extra or {})}
    return Answer(status, json.dumps(document).encode(), "application/json", headers, code)


def _jsonable(value: Any) -> Any:
    if isinstance(value, Moment):
        return value.seconds
    if isinstance(value, Mapping):
        return {name: _jsonable(inner) for name, inner in value.items() if inner is not None}
    return value


def _xml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "".join(f"<{name}>{_xml(inner)}</{name}>" for name, inner in value.items() if inner is not None)
    if isinstance(value, Moment):
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(value.seconds))
    # XML 1.0 has no place for most control characters, not even escaped
    text = "".join(
        letter if letter >= " " or letter in "\t\n\r" else "\N{REPLACEMENT CHARACTER}" for letter in str(value)
    )
    return escape(text)
