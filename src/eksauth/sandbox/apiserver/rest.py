"""Requests on resources: from an authorized HTTP request to the registry and back."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web
from lightkube.models.meta_v1 import DeleteOptions

from eksauth.kube.rbac import Attributes, User
from eksauth.sandbox.apiserver.body import BodyError
from eksauth.sandbox.apiserver.causes import wrong
from eksauth.sandbox.apiserver.context import ApiContext
from eksauth.sandbox.apiserver.decoding import Draft, check_options, read_draft, warning_headers
from eksauth.sandbox.apiserver.http import json_response, media_type, parse_body, parse_object, read_body
from eksauth.sandbox.apiserver.listing import Page, as_list, read_page, read_selection
from eksauth.sandbox.apiserver.negotiation import JSON, Accepted, negotiate
from eksauth.sandbox.apiserver.patching import APPLY_PATCH, apply_patch
from eksauth.sandbox.apiserver.registry import Preconditions, Write
from eksauth.sandbox.apiserver.request_info import RequestInfo
from eksauth.sandbox.apiserver.resources import Resource
from eksauth.sandbox.apiserver.server_side_apply import server_side_apply
from eksauth.sandbox.apiserver.status import (
    ApiError,
    bad_request,
    details_of,
    forbidden,
    invalid,
    method_not_allowed,
    no_such_resource,
    not_found,
)
from eksauth.sandbox.apiserver.store import Object
from eksauth.sandbox.apiserver.tables import metadata_only, table
from eksauth.sandbox.apiserver.watching import read_watch, stream

_RETURNS_OBJECT = {"Namespace", "Pod", "ServiceAccount"}  # on deletion; the others answer with a Status
_SHAPES = ("table", "metadata")


class ResourceHandler:
    """Serves one request on a resource type that is served."""

    def __init__(
        self, context: ApiContext, request: web.Request, info: RequestInfo, user: User, resource: Resource
    ) -> None:
        self._context = context
        self._request = request
        self._info = info
        self._user = user
        self._resource = resource
        self._query: Mapping[str, str] = request.query
        self._accepted = Accepted()

    async def serve(self) -> web.StreamResponse:
        """Answer the request.

        :raises ApiError: for every refusal.
        """
        info, resource = self._info, self._resource
        if info.subresource and info.subresource not in resource.subresources:
            raise no_such_resource()
        if len(info.parts) > 3 or (info.namespace and not resource.namespaced and resource.kind != "Namespace"):
            raise no_such_resource()
        handlers: dict[str, Callable[[], Awaitable[web.StreamResponse]]] = {
            "get": self._get,
            "list": self._list,
            "watch": self._watch,
            "create": self._create,
            "update": self._update,
            "patch": self._patch,
            "delete": self._delete,
            "deletecollection": self._delete_collection,
        }
        handler = handlers.get(info.verb)
        wants_name = info.verb in ("update", "patch", "delete")
        named = len(info.parts) > 1
        if handler is None or (wants_name and not named) or (info.verb == "create" and named):
            raise method_not_allowed()
        if info.subresource and info.verb not in ("get", "update", "patch"):
            raise method_not_allowed()
        if not info.subresource and info.verb not in resource.verbs:
            raise method_not_allowed()
        if resource.namespaced and not info.namespace and info.verb not in ("list", "watch"):
            raise method_not_allowed()
        self._accepted = negotiate(self._request.headers.get("Accept", ""), _SHAPES)
        return await handler()

    # reading

    async def _get(self) -> web.StreamResponse:
        value = self._context.store.get(self._resource, (self._namespace, self._info.name))
        if value is None:
            raise not_found(self._resource.plural, self._resource.group, self._info.name)
        return self._answer(value)

    async def _list(self) -> web.StreamResponse:
        page = read_page(self._context.store, self._resource, self._namespace, self._query)
        if self._accepted.shape == "table":
            return json_response({**self._table(page.items), "metadata": page.metadata()})
        if self._accepted.shape == "metadata":
            return json_response(self._metadata_list(page))
        return json_response(as_list(self._resource, page))

    async def _watch(self) -> web.StreamResponse:
        watch = read_watch(self._resource, self._namespace, self._info.name, self._query)
        return await stream(self._request, self._context.store, watch, self._shown)

    # writing

    async def _create(self) -> web.StreamResponse:
        dry_run, level = check_options(self._query, "CreateOptions")
        draft = await self._draft(level)
        value = self._context.registry.create(self._write(dry_run=dry_run), draft.value)
        return self._answer(value, status=201, warnings=draft.warnings)

    async def _update(self) -> web.StreamResponse:
        dry_run, level = check_options(self._query, "UpdateOptions")
        draft = await self._draft(level)
        value = self._context.registry.update(self._write(dry_run=dry_run), self._info.name, draft.value)
        return self._answer(value, warnings=draft.warnings)

    async def _patch(self) -> web.StreamResponse:
        dry_run, level = check_options(self._query, "PatchOptions")
        media = media_type(self._request)
        data = await read_body(self._request)
        write = self._write(dry_run=dry_run)
        if media == APPLY_PATCH:
            may_create = self._may("create")
            applied = server_side_apply(self._context, write, self._info.name, data, self._query, level, may_create)
            return self._answer(applied.value, status=201 if applied.created else 200, warnings=applied.warnings)
        old = self._context.store.get(self._resource, (self._namespace, self._info.name))
        if old is None:
            raise not_found(self._resource.plural, self._resource.group, self._info.name)
        draft = self._decoded(apply_patch(self._resource, old, data, media), level, patched=True)
        uid = (draft.value.get("metadata") or {}).get("uid")
        if uid != old["metadata"]["uid"]:  # a PUT says which object it means; a patch may not say another
            causes = [wrong("metadata.uid", uid or "", "field is immutable")]
            raise invalid(self._resource.kind, self._resource.group, self._info.name, causes)
        value = self._context.registry.update(write, self._info.name, draft.value)
        return self._answer(value, warnings=draft.warnings)

    async def _delete(self) -> web.StreamResponse:
        preconditions, dry_run = await self._delete_options()
        value, gone = self._context.registry.delete(self._write(dry_run=dry_run), self._info.name, preconditions)
        if not gone or self._resource.kind in _RETURNS_OBJECT:
            return self._answer(value)
        resource = self._resource
        details = details_of(value["metadata"]["name"], resource.group, resource.plural, uid=value["metadata"]["uid"])
        return json_response(
            {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
        )

    async def _delete_collection(self) -> web.StreamResponse:
        preconditions, dry_run = await self._delete_options()
        selection = read_selection(self._resource, self._query)
        write = self._write(dry_run=dry_run)
        removed: list[Object] = []
        for (_namespace, name), value in self._context.store.items(self._resource, self._namespace):
            if selection.matches(value):
                last, _gone = self._context.registry.delete(write, name, preconditions)
                removed.append(last)
        return json_response(as_list(self._resource, Page(removed, self._context.store.revision)))

    # the parts

    @property
    def _namespace(self) -> str:
        return self._info.namespace if self._resource.namespaced else ""

    def _write(self, *, dry_run: bool) -> Write:
        return Write(self._user, self._resource, self._namespace, dry_run, self._info.subresource)

    def _may(self, verb: str) -> ApiError | None:
        """Return None when the user may also do ``verb`` to this object, else the refusal."""
        info = self._info
        request = Attributes(self._user, verb, info.group, info.resource, "", info.namespace, info.name)
        decision = self._context.authorizer.decide(request)
        return None if decision.allowed else forbidden(request, decision.reason)

    async def _draft(self, level: str) -> Draft:
        data = await read_body(self._request)
        return self._decoded(
            parse_object(data, media_type(self._request), self._resource.kind, self._resource.model), level
        )

    def _decoded(self, value: Mapping[str, Any], level: str, *, patched: bool = False) -> Draft:
        resource = self._resource
        return read_draft(
            value,
            model=resource.model,
            kind=resource.kind,
            api_version=resource.api_version,
            level=level,
            patched=patched,
        )

    async def _delete_options(self) -> tuple[Preconditions, bool]:
        data = await read_body(self._request)
        dry_run, _level = check_options(self._query, "DeleteOptions")
        if not data:
            return Preconditions(), dry_run
        try:
            options = parse_body(data, media_type(self._request), DeleteOptions)
        except BodyError as error:
            raise bad_request(f"couldn't get version/kind; json parse error: {error}") from None
        if not isinstance(options, dict):
            raise bad_request("the delete options are no object")
        given = options.get("preconditions")
        wanted = given if isinstance(given, dict) else {}
        asked = options.get("dryRun")
        dry_run = dry_run or (isinstance(asked, list) and "All" in asked)
        return Preconditions(wanted.get("uid"), wanted.get("resourceVersion")), dry_run

    # showing

    def _answer(self, value: Object, *, status: int = 200, warnings: list[str] | None = None) -> web.Response:
        shown = self._shown(value) if self._accepted.shape != "object" else value
        return json_response(shown, status=status, content_type=JSON, headers=warning_headers(warnings or []))

    def _shown(self, value: Object) -> Mapping[str, Any]:
        if self._accepted.shape == "table":
            return {**self._table([value]), "metadata": {"resourceVersion": value["metadata"]["resourceVersion"]}}
        if self._accepted.shape == "metadata":
            return metadata_only(value, self._accepted.version)
        return value

    def _table(self, values: list[Object]) -> dict[str, Any]:
        include = self._query.get("includeObject", "Metadata")
        if include not in ("None", "Metadata", "Object"):
            raise bad_request(f'unrecognized includeObject value: "{include}"')
        return table(self._resource, values, version=self._accepted.version, now=time.time(), include=include)

    def _metadata_list(self, page: Page) -> dict[str, Any]:
        version = self._accepted.version
        return {
            "kind": "PartialObjectMetadataList",
            "apiVersion": f"meta.k8s.io/{version}",
            "metadata": page.metadata(),
            "items": [metadata_only(value, version) for value in page.items],
        }
