"""Writing the status of custom resources, by whichever server leads; nothing that is decided depends on it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from eksauth.authenticator.backends.cluster.backoff import Backoff
from eksauth.authenticator.backends.cluster.events import EventWriter, Subject
from eksauth.authenticator.backends.cluster.kube_api import ApiFailure, KubeApi, Object, ResourceType, connected
from eksauth.authenticator.backends.cluster.kube_where import Where
from eksauth.authenticator.backends.cluster.leader import Leader, Term
from eksauth.errors import EksauthError

_SECONDS_EACH = 0.02
_AGAIN_SECONDS = 60.0
"""The least between two writes of the same status of an object: another controller may write something else."""
_REFUSED_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is thought of one object.

    :ivar status: what its status is to be; a value of None takes the key out.
    :ivar trouble: why the object does not count, None when it does.
    """

    status: Mapping[str, object]
    trouble: str | None = None


class StatusWriter:
    """Brings status in line with verdicts while this server leads, and says so in events.

    :param status: the status subresource of ``resource``.
    :param verdicts: the verdicts in force, by the name of the object.
    """

    def __init__(
        self,
        where: Where,
        resource: ResourceType,
        status: ResourceType,
        lease: str,
        verdicts: Callable[[], Mapping[str, Verdict]],
        *,
        remark: Callable[[str], None] = lambda _message: None,
        term: Term | None = None,
    ) -> None:
        self.leader = Leader(where, lease, gained=self._wake, remark=remark, term=term)
        self._where = where
        self._kind = resource.__name__
        self._status = status
        self._verdicts = verdicts
        self._remark = remark
        self._remarked = False
        self._events = EventWriter(where, remark=remark)
        self._objects: tuple[Object, ...] = ()
        self._written: dict[str, tuple[float, object]] = {}
        self._silent_until = float("-inf")
        self._work = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Stand for election, and write when elected."""
        self.leader.start()
        self._events.start()
        self._task = asyncio.create_task(self._write(), name=f"status {self._kind}")

    def saw(self, objects: tuple[Object, ...]) -> None:
        """Take the objects in their newest form."""
        self._objects = objects
        names = {item["metadata"]["name"] for item in objects}
        self._written = {name: written for name, written in self._written.items() if name in names}
        self._wake()

    async def close(self) -> None:
        """Stop, and let another server lead."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._events.close()
        await self.leader.close()

    def _wake(self) -> None:
        self._work.set()

    async def _write(self) -> None:
        backoff = Backoff()
        while True:
            await self._work.wait()
            self._work.clear()
            if not self.leader.leads() or time.monotonic() < self._silent_until or not self._due():
                continue
            try:
                async with connected(self._where) as api:
                    for item, verdict in self._due():
                        if not self.leader.leads():
                            break
                        await self._put(api, item, verdict)
                        await asyncio.sleep(_SECONDS_EACH)
                backoff.reset()
            except EksauthError as error:
                if isinstance(error, ApiFailure) and error.status in {401, 403}:
                    self._silent_until = time.monotonic() + _REFUSED_SECONDS
                    self._say(f"the status of {self._kind} objects cannot be written: {error.message}")
                else:
                    await asyncio.sleep(backoff.seconds(error.retry_after if isinstance(error, ApiFailure) else 0.0))
                    self._wake()

    def _due(self) -> list[tuple[Object, Verdict]]:
        verdicts, now, due = self._verdicts(), time.monotonic(), []
        for item in self._objects:
            name = item["metadata"]["name"]
            verdict = verdicts.get(name)
            if verdict is None:
                continue
            have = item.get("status")
            have = have if isinstance(have, dict) else {}
            if all(have.get(key) == value for key, value in verdict.status.items()):
                continue
            at, what = self._written.get(name, (float("-inf"), None))
            if what != verdict or now >= at + _AGAIN_SECONDS:
                due.append((item, verdict))
        return due

    async def _put(self, api: KubeApi, item: Object, verdict: Verdict) -> None:
        name = item["metadata"]["name"]
        self._written[name] = (time.monotonic(), verdict)
        try:
            await api.patch(self._status, name, {"status": verdict.status})
        except ApiFailure as error:
            if error.status in {404, 409, 422}:
                # gone meanwhile, or the definition in the cluster has another status or none
                if any(one["metadata"]["name"] == name for one in self._objects):
                    self._say(f"the status of {self._kind} {name} is not written: {error.message}")
                return
            self._written.pop(name, None)
            raise
        subject = Subject.of(item, str(item.get("apiVersion") or ""), self._kind)
        if verdict.trouble is None:
            self._events.tell(subject, "Normal", "Synced", f"{self._kind} {name} counts")
        else:
            self._events.tell(subject, "Warning", "NotUsable", verdict.trouble)

    def _say(self, message: str) -> None:
        if not self._remarked:
            self._remarked = True
            self._remark(message)
