"""Every request's way: who asks, as whom, may they, and then to what answers it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from lightkube.models import authentication_v1, authorization_v1

from eksauth.kube.rbac import User
from eksauth.sandbox.apiserver import discovery, openapi
from eksauth.sandbox.apiserver.authorizer import require
from eksauth.sandbox.apiserver.context import ApiContext
from eksauth.sandbox.apiserver.decoding import check_options, read_draft
from eksauth.sandbox.apiserver.http import (
    error_response,
    json_response,
    media_type,
    parse_object,
    read_body,
    text_response,
)
from eksauth.sandbox.apiserver.impersonation import impersonate, read_headers
from eksauth.sandbox.apiserver.negotiation import negotiate
from eksauth.sandbox.apiserver.request_info import RequestInfo, parse_request
from eksauth.sandbox.apiserver.resources import BY_NAME, GROUPS, NAMESPACES, REVIEW_BY_NAME, Review
from eksauth.sandbox.apiserver.rest import ResourceHandler
from eksauth.sandbox.apiserver.status import (
    ApiError,
    forbidden,
    method_not_allowed,
    no_such_resource,
    not_found,
)

_LOG = logging.getLogger(__name__)
_HEALTH = ("/healthz", "/livez", "/readyz")
_MODELS: Mapping[str, type] = {
    "SelfSubjectReview": authentication_v1.SelfSubjectReview,
    "TokenReview": authentication_v1.TokenReview,
    "LocalSubjectAccessReview": authorization_v1.LocalSubjectAccessReview,
    "SelfSubjectAccessReview": authorization_v1.SelfSubjectAccessReview,
    "SelfSubjectRulesReview": authorization_v1.SelfSubjectRulesReview,
    "SubjectAccessReview": authorization_v1.SubjectAccessReview,
}


class Dispatcher:
    """The one handler of the HTTP server."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer any request; refusals become Status objects, and surprises become a 500 without details."""
        try:
            return await self._authorized(request)
        except ApiError as error:
            return error_response(error)
        except (ConnectionError, web.HTTPException):
            raise
        except Exception as error:  # noqa: BLE001  one bad request must not take the server down
            _LOG.exception("%s %s", request.method, request.path)
            text = f"Internal error occurred: {type(error).__name__}"
            return error_response(ApiError(500, "InternalError", text))

    async def _authorized(self, request: web.Request) -> web.StreamResponse:
        info = parse_request(request.method, request.path, request.query)
        user = await self._context.authenticator.authenticate(_text(request.headers.get("Authorization")), info.path)
        wanted = read_headers((name, _text(value) or "") for name, value in request.headers.items())
        if wanted is not None:
            user = impersonate(user, wanted, self._context.authorizer)
        attributes = info.attributes(user)
        decision = self._context.authorizer.decide(attributes)
        require(decision, forbidden(attributes, decision.reason))
        if info.is_resource:
            return await self._resource(request, info, user)
        return self._path(request, info)

    async def _resource(self, request: web.Request, info: RequestInfo, user: User) -> web.StreamResponse:
        versions = ("v1",) if not info.group else GROUPS.get(info.group, ())
        if not versions:
            return text_response("404 page not found\n", status=404)
        review = REVIEW_BY_NAME.get((info.group, info.resource))
        if review is not None and info.version in review.versions:
            return await self._review(request, info, user, review)
        resource = BY_NAME.get((info.group, info.resource))
        if resource is None or info.version != "v1":
            raise no_such_resource()
        return await ResourceHandler(self._context, request, info, user, resource).serve()

    async def _review(self, request: web.Request, info: RequestInfo, user: User, review: Review) -> web.Response:
        if info.subresource or (info.namespace and not review.namespaced):
            raise no_such_resource()
        if info.verb != "create" or info.name:
            raise method_not_allowed()
        if review.namespaced and self._context.store.get(NAMESPACES, ("", info.namespace)) is None:
            raise not_found("namespaces", "", info.namespace)
        negotiate(request.headers.get("Accept", ""), ())
        api_version = f"{review.group}/{info.version}"
        _dry_run, level = check_options(request.query, "CreateOptions")
        model = _MODELS[review.kind]
        body = parse_object(await read_body(request), media_type(request), review.kind, model)
        draft = read_draft(body, model=model, kind=review.kind, api_version=api_version, level=level).value
        answer = await self._context.reviewer.answer(review, user, info.namespace, draft)
        metadata = draft.get("metadata") or {}
        shown: dict[str, Any] = {"kind": review.kind, "apiVersion": api_version, "metadata": metadata, **answer}
        return json_response(shown, status=201)

    def _path(self, request: web.Request, info: RequestInfo) -> web.Response:
        if request.method not in ("GET", "HEAD"):
            raise method_not_allowed() if self._known(info.path) else no_such_resource()
        path = info.path.rstrip("/") or "/"
        if path in _HEALTH or path.startswith(("/livez/", "/readyz/", "/healthz/")):
            return text_response("ok")
        if path == "/version":
            return json_response(self._version())
        if path == "/":
            return json_response({"paths": _PATHS})
        if path.startswith("/openapi/"):
            return self._openapi(request, path)
        return self._discovery(request, path)

    def _known(self, path: str) -> bool:
        return path.rstrip("/") in {*_PATHS, *_HEALTH}

    def _discovery(self, request: web.Request, path: str) -> web.Response:
        accept = request.headers.get("Accept", "")
        if path in ("/api", "/apis"):
            accepted = negotiate(accept, ("discovery",))
            if accepted.shape == "discovery":
                groups = [""] if path == "/api" else sorted(GROUPS)
                shown = discovery.aggregated(groups, accepted.version)
                return json_response(shown, content_type=accepted.content_type, headers={"Vary": "Accept"})
            classic = discovery.core_versions(self._context.address) if path == "/api" else discovery.group_list()
            return json_response(classic, headers={"Vary": "Accept"})
        parts = path.strip("/").split("/")
        if parts == ["api", "v1"]:
            return json_response(discovery.resource_list("", "v1"))
        if parts[0] == "api" and len(parts) == 2:
            raise no_such_resource()
        if parts[0] == "apis" and len(parts) > 1 and parts[1] in GROUPS:
            if len(parts) == 2:
                return json_response(discovery.api_group(parts[1]))
            if parts[2] in GROUPS[parts[1]]:
                return json_response(discovery.resource_list(parts[1], parts[2]))
            raise no_such_resource()
        return text_response("404 page not found\n", status=404)

    def _openapi(self, request: web.Request, path: str) -> web.Response:
        if path == "/openapi/v3":
            return json_response(openapi.index())
        if path == "/openapi/v2":
            accept = request.headers.get("Accept", "")
            if "proto-openapi" in accept:
                return web.Response(body=openapi.v2_protobuf(), headers={"Content-Type": openapi.V2_PROTOBUF})
            return json_response(openapi.V2_EMPTY)
        parts = path.split("/")[3:]
        try:
            group, version = ("", parts[1]) if parts[0] == "api" and len(parts) == 2 else (parts[1], parts[2])
            return web.Response(body=openapi.document(group, version), headers={"Content-Type": "application/json"})
        except (KeyError, IndexError):
            return text_response("404 page not found\n", status=404)

    def _version(self) -> dict[str, str]:
        major, minor = self._context.git_version.removeprefix("v").split(".")[:2]
        return {
            "major": major,
            "minor": minor,
            "gitVersion": self._context.git_version,
            "gitCommit": "",
            "gitTreeState": "",
            "buildDate": "1970-01-01T00:00:00Z",
            "goVersion": "",
            "compiler": "eksauth",
            "platform": "",
        }


_PATHS = [
    "/api",
    "/api/v1",
    "/apis",
    *(f"/apis/{group}" for group in sorted(GROUPS)),
    *(f"/apis/{group}/{version}" for group in sorted(GROUPS) for version in GROUPS[group]),
    "/healthz",
    "/livez",
    "/openapi/v2",
    "/openapi/v3",
    "/readyz",
    "/version",
]


def _text(value: str | None) -> str | None:
    """Return a header as the text that its bytes hold; HTTP libraries hand over undecodable bytes as surrogates."""
    if value is None or value.isascii():
        return value
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
