"""Events on the objects that mappings come from: what ``kubectl describe`` shows to whoever changed them.

Several servers that find the same thing make one event: its name is a digest of what it says. Writing is a courtesy: it
is limited, repeated only now and then, and a server that may not write events just says so once.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import socket
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from eksauth.authenticator.backends.cluster.backoff import Backoff
from eksauth.authenticator.backends.cluster.kube_api import EVENTS, ApiFailure, KubeApi, Object, connected
from eksauth.authenticator.backends.cluster.kube_where import Where
from eksauth.errors import EksauthError

COMPONENT = "eksauth"
AGAIN_SECONDS = 300.0
_WITHOUT_NAMESPACE = "default"
_MAX_MESSAGE = 1000
_MAX_WAITING, _MAX_REMEMBERED = 64, 512
_BURST, _SECONDS_EACH = 20, 5.0
_REFUSED_SECONDS = 3600.0
_REFUSALS = (401, 403, 404)


@dataclass(frozen=True, slots=True)
class Subject:
    """The object that an event is about; ``namespace`` is empty for those of the whole cluster."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str
    version: str = ""

    @classmethod
    def of(cls, item: Object, api_version: str, kind: str) -> Subject:
        """Return the reference to an object, as the API gave it."""
        metadata = item["metadata"]
        return cls(
            api_version,
            kind,
            str(metadata.get("namespace") or ""),
            str(metadata["name"]),
            str(metadata.get("uid") or ""),
            str(metadata.get("resourceVersion") or ""),
        )


@dataclass(frozen=True, slots=True)
class _Event:
    subject: Subject
    type: Literal["Normal", "Warning"]
    reason: str
    message: str

    def key(self) -> str:
        """Return the same text for what is the same to a reader."""
        parts = (self.subject.uid, self.subject.name, self.type, self.reason, self.message)
        return hashlib.sha256(repr(parts).encode(errors="replace")).hexdigest()[:16]


class EventWriter:
    """Writes events in a task; :meth:`tell` never waits.

    :param remark: told, once, why no events can be written.
    :param now: seconds that only grow, for limits; ``clock`` is epoch seconds, for what is written.
    """

    def __init__(
        self,
        where: Where,
        *,
        remark: Callable[[str], None] = lambda _message: None,
        now: Callable[[], float] = time.monotonic,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._where = where
        self._remark = remark
        self._now = now
        self._clock = clock
        self._waiting: OrderedDict[str, _Event] = OrderedDict()
        self._told: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._some = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._allowance, self._counted_at = float(_BURST), now()
        self._silent_until = float("-inf")
        self._remarked = False

    def start(self) -> None:
        """Begin to write what is told."""
        self._task = asyncio.create_task(self._write(), name="events")

    def saw(self, objects: tuple[Object, ...]) -> None:
        """Nothing to do."""

    async def close(self) -> None:
        """Stop; what is not written yet is not written."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def tell(self, subject: Subject, kind: Literal["Normal", "Warning"], reason: str, message: str) -> None:
        """Have an event written, unless the same was written a short while ago; call it in the event loop.

        :param reason: a word in CamelCase.
        """
        line = " ".join(message.split())
        event = _Event(subject, kind, reason, line if len(line) <= _MAX_MESSAGE else f"{line[: _MAX_MESSAGE - 1]}…")
        key = event.key()
        told_at, count = self._told.get(key, (float("-inf"), 0))
        self._told[key] = (told_at, count + 1)
        self._told.move_to_end(key)
        while len(self._told) > _MAX_REMEMBERED:
            self._told.popitem(last=False)
        if self._now() < max(told_at + AGAIN_SECONDS, self._silent_until):
            return
        self._waiting[key] = event
        if len(self._waiting) > _MAX_WAITING:
            self._waiting.popitem(last=False)
        self._some.set()

    async def _write(self) -> None:
        backoff = Backoff()
        while True:
            await self._some.wait()
            try:
                async with connected(self._where) as api:
                    while self._waiting:
                        await asyncio.sleep(self._wait_for_allowance())
                        key = next(iter(self._waiting))
                        await self._put(api, key, self._waiting[key])
                        self._waiting.pop(key, None)
                    self._some.clear()
                backoff.reset()
            except EksauthError as error:
                status = error.status if isinstance(error, ApiFailure) else 0
                if status in _REFUSALS:
                    self._give_up(error)
                else:
                    await asyncio.sleep(backoff.seconds(error.retry_after if isinstance(error, ApiFailure) else 0.0))

    def _give_up(self, error: EksauthError) -> None:
        self._waiting.clear()
        self._some.clear()
        self._silent_until = self._now() + _REFUSED_SECONDS
        if not self._remarked:
            self._remarked = True
            self._remark(f"no events can be written, which changes nothing else: {error.message}")

    def _wait_for_allowance(self) -> float:
        now = self._now()
        self._allowance = min(float(_BURST), self._allowance + (now - self._counted_at) / _SECONDS_EACH)
        self._counted_at = now
        self._allowance -= 1
        return max(0.0, -self._allowance * _SECONDS_EACH)

    async def _put(self, api: KubeApi, key: str, event: _Event) -> None:
        _, count = self._told.get(key, (0.0, 1))
        subject = event.subject
        namespace, name = subject.namespace or _WITHOUT_NAMESPACE, f"{subject.name[:200]}.{key}"
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._clock()))
        self._told[key] = (self._now(), 0)
        try:
            await api.create(EVENTS, _body(event, name, namespace, stamp, max(count, 1)), namespace=namespace)
        except ApiFailure as error:
            if error.status == 409:
                # another server has seen the same, or this one has, some time ago
                again = {"count": max(count, 1) + 1, "lastTimestamp": stamp}
                await api.patch(EVENTS, name, again, namespace=namespace)
            elif error.status in _REFUSALS or not 400 <= error.status < 500 or error.status == 429:
                raise


def _body(event: _Event, name: str, namespace: str, stamp: str, count: int) -> dict[str, object]:
    subject = event.subject
    about = {
        "apiVersion": subject.api_version,
        "kind": subject.kind,
        "namespace": subject.namespace,
        "name": subject.name,
        "uid": subject.uid,
        "resourceVersion": subject.version,
    }
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": namespace},
        "involvedObject": {key: value for key, value in about.items() if value},
        "type": event.type,
        "reason": event.reason,
        "message": event.message,
        "source": {"component": COMPONENT, "host": socket.gethostname()},
        "reportingComponent": COMPONENT,
        "reportingInstance": socket.gethostname(),
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": count,
    }
