"""HTTP in and out: bounded bodies, JSON answers, and errors as Status objects."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from eksauth.sandbox.apiserver.body import BodyError, parse_json, parse_yaml
from eksauth.sandbox.apiserver.negotiation import JSON
from eksauth.sandbox.apiserver.protobuf import PROTOBUF, ProtobufError, parse_protobuf, readable
from eksauth.sandbox.apiserver.status import ApiError, bad_request, too_large, unsupported_body

MAX_BODY = 3 * 1024 * 1024
"""kube-apiserver's own limit on a request body."""

YAML = "application/yaml"


def encode(value: Any) -> bytes:
    """Return JSON text in the compact form of Go's encoder, closed by a line feed."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True).encode() + b"\n"


def json_response(
    value: Mapping[str, Any], *, status: int = 200, content_type: str = JSON, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return an answer; clients never cache it."""
    return web.Response(
        body=encode(value),
        status=status,
        headers={"Cache-Control": "no-cache, private", "Content-Type": content_type, **(headers or {})},
    )


def error_response(error: ApiError) -> web.Response:
    """Return a refusal as a Status object."""
    headers = {"X-Content-Type-Options": "nosniff", **error.headers}
    return json_response(error.body(), status=error.code, headers=headers)


def text_response(text: str, *, status: int = 200) -> web.Response:
    """Return plain text, as health checks and unknown paths answer."""
    return web.Response(
        body=text.encode(),
        status=status,
        headers={
            "Content-Type": "text/plain; charset=utf-8",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-cache, private",
        },
    )


async def read_body(request: web.Request) -> bytes:
    """Return the body.

    :raises ApiError: 413 when it is over the limit, 400 when the client breaks off.
    """
    if (request.content_length or 0) > MAX_BODY:
        raise too_large(MAX_BODY)
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in request.content.iter_chunked(64 * 1024):
            size += len(chunk)
            if size > MAX_BODY:
                raise too_large(MAX_BODY)
            chunks.append(chunk)
    except (ConnectionError, asyncio.IncompleteReadError, web.HTTPException) as error:
        raise bad_request("the body broke off") from error
    return b"".join(chunks)


def media_type(request: web.Request) -> str:
    """Return the media type of the body, without parameters; a missing one counts as JSON."""
    return request.headers.get("Content-Type", JSON).partition(";")[0].strip().lower()


def parse_body(data: bytes, media: str, model: type) -> Any:
    """Parse a body by its media type; ``model`` is the type it should hold.

    :raises ApiError: 415 for a media type that is not read.
    :raises BodyError: when it does not parse.
    """
    if media == JSON:
        return parse_json(data)
    if media == YAML:
        return parse_yaml(data)
    if media == PROTOBUF and readable(model):
        try:
            return parse_protobuf(data, model)
        except ProtobufError as error:
            raise BodyError(str(error)) from None
    raise unsupported_body((JSON, YAML, PROTOBUF) if readable(model) else (JSON, YAML))


def parse_object(data: bytes, media: str, kind: str, model: type) -> dict[str, Any]:
    """Parse a body that must be an object of ``kind``.

    :raises ApiError: 400 or 415.
    """
    try:
        value = parse_body(data, media, model)
    except BodyError as error:
        raise bad_request(unrecognized(kind, data, str(error))) from None
    if not isinstance(value, dict):
        found = "array" if isinstance(value, list) else "value"
        raise bad_request(unrecognized(kind, data, f"json: cannot unmarshal {found} into an object"))
    return value


def unrecognized(kind: str, data: bytes, why: str) -> str:
    """Return the complaint about a body that cannot be read, with what kube-apiserver shows of it."""
    if not data:
        shown = "<empty>"
    elif data[:1] == b"{":
        text = data.decode("utf-8", "replace")
        shown = text if len(text) <= 1024 else f"{text[:1024]} ..."
    else:
        shown = data.hex() if len(data) <= 1024 else f"{data[:1024].hex()} ..."
    return (
        f"the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; "
        f"json parse error: {why} ({shown})"
    )
