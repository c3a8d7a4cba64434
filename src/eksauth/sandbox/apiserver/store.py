"""The objects, in memory: one revision counter for all of them, and a bounded history that watches and pages read.

Everything runs on one event loop, so there are no locks. Stored objects are never changed in place: a write puts a new
object where the old one was, so whoever holds one keeps a consistent view.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from eksauth.sandbox.apiserver.resources import Resource
from eksauth.sandbox.apiserver.status import ApiError, expired

Object = Mapping[str, Any]
Key = tuple[str, str]
"""(namespace, name); the namespace is empty for objects at the cluster scope."""

MAX_OBJECT_BYTES = 1_572_864
"""etcd's default limit on one request, which is what bounds an object in a real cluster."""

_BEHIND = 1000  # events a watcher may lag before it is cut off and has to list again


@dataclass(frozen=True, slots=True)
class Change:
    """One write: ``before`` is None for a creation, ``after`` is the object as it was last for a deletion."""

    revision: int
    resource: Resource
    key: Key
    before: Object | None
    after: Object
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the store: bytes of all objects, and the events and bytes of the history."""

    total_bytes: int = 256 * 1024 * 1024
    history_events: int = 10_000
    history_bytes: int = 64 * 1024 * 1024


class Store:
    """All objects of one server."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.revision = 1
        self._limits = limits or Limits()
        self._objects: dict[Resource, dict[Key, Object]] = {}
        self._sizes: dict[tuple[Resource, Key], int] = {}
        self._bytes = 0
        self._history: deque[tuple[Change, int]] = deque()
        self._history_bytes = 0
        self._compacted = self.revision
        self._watchers: set[Subscription] = set()
        self._listeners: list[Callable[[Change], None]] = []

    def get(self, resource: Resource, key: Key) -> Object | None:
        """Return an object, or None."""
        return self._objects.get(resource, {}).get(key)

    def items(self, resource: Resource, namespace: str = "") -> list[tuple[Key, Object]]:
        """Return the objects of one namespace (empty: of all), sorted by key."""
        entries = self._objects.get(resource, {}).items()
        return sorted((key, value) for key, value in entries if not namespace or key[0] == namespace)

    def count(self, resource: Resource) -> int:
        """Return how many objects of a type there are."""
        return len(self._objects.get(resource, {}))

    def items_at(self, resource: Resource, namespace: str, revision: int) -> list[tuple[Key, Object]]:
        """Return the objects as they were at a past revision, by undoing what the history holds.

        :raises ApiError: 410 when the history does not reach back that far.
        """
        if revision < self._compacted:
            raise expired(
                "The provided continue parameter is too old to display a consistent list result. You can start a new "
                "list without the continue parameter, or use the continue token in this response to retrieve the "
                "remainder of the results. Continuing with the provided token results in an inconsistent list - "
                "objects that were created, modified, or deleted between the time the first chunk was returned and "
                "now may show up in the list."
            )
        past = dict(self._objects.get(resource, {}))
        for change, _size in reversed(self._history):
            if change.revision <= revision:
                break
            if change.resource is resource:
                if change.before is None:
                    past.pop(change.key, None)
                else:
                    past[change.key] = change.before
        return sorted((key, value) for key, value in past.items() if not namespace or key[0] == namespace)

    def put(self, resource: Resource, key: Key, value: Mapping[str, Any]) -> Object:
        """Store an object under a new revision, and return it as stored."""
        stored = {**value, "metadata": {**value["metadata"], "resourceVersion": str(self.revision + 1)}}
        size = len(json.dumps(stored, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))
        if size > MAX_OBJECT_BYTES:
            raise ApiError(500, "", "etcdserver: request is too large")
        grown = self._bytes + size - self._sizes.get((resource, key), 0)
        if grown > self._limits.total_bytes:
            raise ApiError(500, "", "etcdserver: mvcc: database space exceeded")
        self.revision += 1
        before = self.get(resource, key)
        self._objects.setdefault(resource, {})[key] = stored
        self._sizes[resource, key] = size
        self._bytes = grown
        self._record(Change(self.revision, resource, key, before, stored), size)
        return stored

    def delete(self, resource: Resource, key: Key) -> Object:
        """Remove an object that is there, and return it as it was last, under the revision of its removal."""
        before = self._objects[resource].pop(key)
        size = self._sizes.pop((resource, key))
        self._bytes -= size
        self.revision += 1
        after = {**before, "metadata": {**before["metadata"], "resourceVersion": str(self.revision)}}
        self._record(Change(self.revision, resource, key, before, after, deleted=True), size)
        return after

    def on_change(self, listener: Callable[[Change], None]) -> None:
        """Call ``listener`` after every write, before the writer goes on."""
        self._listeners.append(listener)

    def watch(self, resource: Resource, since: int) -> Subscription:
        """Follow the changes of a type after revision ``since``; close the subscription when done.

        :raises ApiError: 410 when the history does not reach back that far.
        """
        if since < self._compacted:
            raise expired(f"too old resource version: {since} ({self._compacted})")
        missed = [change for change, _ in self._history if change.revision > since and change.resource is resource]
        subscription = Subscription(self, resource, missed)
        self._watchers.add(subscription)
        return subscription

    def forget(self, subscription: Subscription) -> None:
        """Stop feeding a subscription."""
        self._watchers.discard(subscription)

    def close(self) -> None:
        """End every watch."""
        for subscription in list(self._watchers):
            subscription.close()

    def _record(self, change: Change, size: int) -> None:
        self._history.append((change, size))
        self._history_bytes += size
        while len(self._history) > self._limits.history_events or self._history_bytes > self._limits.history_bytes:
            oldest, freed = self._history.popleft()
            self._history_bytes -= freed
            self._compacted = oldest.revision
        for subscription in list(self._watchers):
            subscription.offer(change)
        for listener in self._listeners:
            listener(change)


class Subscription:
    """The changes of one type, in order, for one reader."""

    def __init__(self, store: Store, resource: Resource, missed: list[Change]) -> None:
        self._store = store
        self._resource = resource
        self._pending: deque[Change] = deque(missed)
        self._ready = asyncio.Event()
        self.closed = False
        self.lagging = False
        if missed:
            self._ready.set()

    def offer(self, change: Change) -> None:
        """Take a change, unless it is of another type; a reader that is too far behind is cut off."""
        if change.resource is not self._resource:
            return
        if len(self._pending) >= _BEHIND:
            self.lagging = True
            self.close()
            return
        self._pending.append(change)
        self._ready.set()

    def drain(self) -> Iterator[Change]:
        """Yield what has come in so far."""
        while self._pending:
            yield self._pending.popleft()
        if not self.closed:
            self._ready.clear()

    async def wait(self) -> None:
        """Return when there is something to read or the subscription is closed."""
        await self._ready.wait()

    def close(self) -> None:
        """Stop; a waiting reader wakes up."""
        self.closed = True
        self._ready.set()
        self._store.forget(self)
