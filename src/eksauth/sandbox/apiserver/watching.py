"""WATCH: a chunked stream of JSON lines, one for each change that concerns the watcher."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from eksauth.kube.text import quoted
from eksauth.sandbox.apiserver.http import encode
from eksauth.sandbox.apiserver.listing import Selection, read_number, read_selection
from eksauth.sandbox.apiserver.request_info import is_true
from eksauth.sandbox.apiserver.resources import Resource
from eksauth.sandbox.apiserver.status import ApiError, expired
from eksauth.sandbox.apiserver.store import Change, Object, Store, Subscription

BOOKMARK_SECONDS = 60.0
_DEFAULT_SECONDS = 1800  # kube-apiserver's minimum; the real length is drawn between once and twice that


@dataclass(frozen=True, slots=True)
class WatchRequest:
    """What to watch and for how long; ``since`` 0 starts with what there is."""

    resource: Resource
    namespace: str
    selection: Selection
    since: int
    initial: bool
    bookmarks: bool
    end_of_initial: bool
    seconds: float


def read_watch(resource: Resource, namespace: str, name: str, query: Mapping[str, str]) -> WatchRequest:
    """Read the parameters of a watch.

    :raises ApiError: 400 for malformed ones, 500 for a malformed resourceVersion (as kube-apiserver answers).
    """
    text = query.get("resourceVersion", "")
    if text and not (text.isascii() and text.isdigit() and len(text) <= 18):
        shown = quoted(text)
        message = f"resourceVersion: Invalid value: {shown}: strconv.ParseUint: parsing {shown}: invalid syntax"
        raise ApiError(500, "", message)
    if name and "fieldSelector" not in query:
        query = {**query, "fieldSelector": f"metadata.name={name}"}
    seconds = read_number(query, "timeoutSeconds")
    streaming = is_true(query.get("sendInitialEvents"))
    since = int(text or "0")
    return WatchRequest(
        resource=resource,
        namespace=namespace,
        selection=read_selection(resource, query),
        since=since,
        initial=since == 0 or streaming,
        bookmarks=is_true(query.get("allowWatchBookmarks")),
        end_of_initial=streaming,
        seconds=seconds if seconds > 0 else _DEFAULT_SECONDS * (1 + random.random()),  # noqa: S311
    )


async def stream(
    request: web.Request, store: Store, watch: WatchRequest, show: Callable[[Object], Mapping[str, Any]]
) -> web.StreamResponse:
    """Send events until the time is up, the client leaves, or the server stops.

    :param show: turns an object into what the client asked to see.
    """
    revision = store.revision if watch.initial else watch.since
    first = store.items(watch.resource, watch.namespace) if watch.initial else []
    subscription = _subscribe(store, watch.resource, revision)
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Cache-Control": "no-cache, private"})
    response.enable_chunked_encoding()
    try:
        await response.prepare(request)
        if isinstance(subscription, ApiError):
            await response.write(encode({"type": "ERROR", "object": subscription.body()}))
            return response
        lines = [_event("ADDED", show(value)) for _key, value in first if watch.selection.matches(value)]
        if watch.initial and watch.end_of_initial:
            lines.append(_bookmark(watch.resource, revision, end=True))
        if lines:
            await response.write(b"".join(lines))
        await _follow(response, store, watch, subscription, show)
    except ConnectionError:
        pass  # the client left, which is how most watches end
    finally:
        if isinstance(subscription, Subscription):
            subscription.close()
    return response


def _subscribe(store: Store, resource: Resource, revision: int) -> Subscription | ApiError:
    try:
        return store.watch(resource, revision)
    except ApiError as error:
        return error


async def _follow(
    response: web.StreamResponse,
    store: Store,
    watch: WatchRequest,
    subscription: Subscription,
    show: Callable[[Object], Mapping[str, Any]],
) -> None:
    deadline = time.monotonic() + watch.seconds
    bookmark_at = time.monotonic() + BOOKMARK_SECONDS
    while not subscription.closed:
        wait = min(deadline, bookmark_at if watch.bookmarks else deadline) - time.monotonic()
        try:
            async with asyncio.timeout(max(wait, 0)):
                await subscription.wait()
        except TimeoutError:
            if watch.bookmarks:
                await response.write(_bookmark(watch.resource, store.revision))
                bookmark_at = time.monotonic() + BOOKMARK_SECONDS
            if time.monotonic() >= deadline:
                return
            continue
        lines = [line for change in subscription.drain() for line in _events(watch, change, show)]
        if lines:
            await response.write(b"".join(lines))
    if subscription.lagging:
        error = expired("the watch fell too far behind and was ended")
        await response.write(encode({"type": "ERROR", "object": error.body()}))


def _events(watch: WatchRequest, change: Change, show: Callable[[Object], Mapping[str, Any]]) -> Iterator[bytes]:
    """Yield what a change means to this watcher: an object may come into or go out of its selection."""
    if watch.namespace and change.key[0] != watch.namespace:
        return
    matched = change.before is not None and watch.selection.matches(change.before)
    matches = not change.deleted and watch.selection.matches(change.after)
    if matches:
        yield _event("MODIFIED" if matched else "ADDED", show(change.after))
    elif matched and change.before is not None:
        version = change.after["metadata"]["resourceVersion"]
        last = change.after if change.deleted else change.before
        yield _event("DELETED", show({**last, "metadata": {**last["metadata"], "resourceVersion": version}}))


def _event(kind: str, value: Mapping[str, Any]) -> bytes:
    return encode({"type": kind, "object": value})


def _bookmark(resource: Resource, revision: int, *, end: bool = False) -> bytes:
    metadata: dict[str, Any] = {"resourceVersion": str(revision), "creationTimestamp": None}
    if end:
        metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
    return _event("BOOKMARK", {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata})
