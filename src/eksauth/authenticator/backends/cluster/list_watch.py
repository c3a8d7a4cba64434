"""Keeping a copy of the objects of one kind: list them, follow their changes, begin again when that fails.

Semantics of the API: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes. While
the API cannot be asked the copy stays as it is, and attempts become rare.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from eksauth.authenticator.backends.cluster.backoff import Backoff
from eksauth.authenticator.backends.cluster.kube_api import (
    GONE,
    ApiFailure,
    Change,
    KubeApi,
    Object,
    ResourceType,
    connected,
)
from eksauth.authenticator.backends.cluster.kube_where import Where
from eksauth.errors import EksauthError

_WATCH_SECONDS = 270
_STEADY_SECONDS = 5.0
"""A watch that lasts less is no success, so that a server that ends each at once is not asked in a loop."""
_PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects are kept.

    :ivar namespace: None for objects of the whole cluster.
    :ivar fields: a field selector.
    """

    resource: ResourceType
    namespace: str | None = None
    fields: str = ""


class ListWatch:
    """A copy that is kept in a task.

    :param apply: takes all objects after each change; several changes that come while it works are one for it.
    :param failed: told of every attempt that failed.
    """

    def __init__(
        self,
        where: Where,
        selection: Selection,
        *,
        apply: Callable[[tuple[Object, ...]], Awaitable[None]],
        failed: Callable[[EksauthError], None],
        backoff: Backoff | None = None,
    ) -> None:
        self._where = where
        self._selection = selection
        self._apply = apply
        self._failed = failed
        self._backoff = backoff or Backoff()
        self._objects: dict[str, Object] = {}
        self._changed = asyncio.Event()
        self._outcome = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin, and return once the objects were applied or the first attempt has failed."""
        what = self._selection.resource.__name__
        self._outcome.clear()
        self._tasks = [
            asyncio.create_task(self._keep_up(), name=f"watch {what}"),
            asyncio.create_task(self._keep_applying(), name=f"apply {what}"),
        ]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._outcome.wait()

    async def again(self) -> None:
        """List again now; returns as :meth:`start` does."""
        await self.close()
        self._backoff.reset()
        await self.start()

    async def close(self) -> None:
        """End the tasks and close the connection."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _keep_up(self) -> None:
        while True:
            after = 0.0
            try:
                async with connected(self._where) as api:
                    await self._follow(api)
            except EksauthError as error:
                after = error.retry_after if isinstance(error, ApiFailure) else 0.0
                self._fail(error)
            except Exception as error:  # noqa: BLE001  a watch that ended for good would go unnoticed
                self._fail(_unforeseen(error))
            await asyncio.sleep(self._backoff.seconds(after))

    async def _follow(self, api: KubeApi) -> None:
        version = ""
        while True:
            if not version:
                version = await self._list(api)
            began = time.monotonic()
            try:
                version = await self._watch(api, version)
            except ApiFailure as error:
                if error.status != GONE:
                    raise
                version = ""
            finally:
                steady = time.monotonic() - began >= _STEADY_SECONDS
                if steady:
                    self._backoff.reset()
            if not steady:
                await asyncio.sleep(self._backoff.seconds())

    async def _list(self, api: KubeApi) -> str:
        chosen = self._selection
        listing = await api.list(chosen.resource, namespace=chosen.namespace, fields=chosen.fields)
        self._objects = {item["metadata"]["name"]: item for item in listing.items}
        self._changed.set()
        return listing.version

    async def _watch(self, api: KubeApi, version: str) -> str:
        chosen = self._selection
        # each of many servers begins at another moment
        seconds = _WATCH_SECONDS + random.randrange(60)  # noqa: S311
        changes = api.watch(
            chosen.resource, namespace=chosen.namespace, fields=chosen.fields, since=version, seconds=seconds
        )
        async with contextlib.aclosing(changes):
            async for change in changes:
                version = self._note(change)
        return version

    def _note(self, change: Change) -> str:
        try:
            metadata = change.object["metadata"]
            version = str(metadata["resourceVersion"])
            if change.type == "BOOKMARK":
                return version
            name = str(metadata["name"])
        except (KeyError, TypeError):
            raise ApiFailure("the watch answers with something that is no object", status=200) from None
        if change.type == "DELETED":
            self._objects.pop(name, None)
        else:
            self._objects[name] = change.object
        self._changed.set()
        return version

    async def _keep_applying(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self._apply(tuple(self._objects.values()))
            except Exception as error:  # noqa: BLE001  as above
                self._fail(_unforeseen(error))
            self._outcome.set()

    def _fail(self, error: EksauthError) -> None:
        self._failed(error)
        self._outcome.set()


def _unforeseen(error: Exception) -> EksauthError:
    return EksauthError(f"a failure that nobody foresaw: {type(error).__name__}")
