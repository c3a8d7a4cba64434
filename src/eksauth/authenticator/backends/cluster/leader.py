"""One of several servers writes status: the holder of a Lease, as Kubernetes' own components elect one.

Rules as in client-go: https://kubernetes.io/docs/concepts/architecture/leases/. A lease that was not renewed for as
long as it lasts, counted on this machine's own clock since its last change was seen, is anybody's. Whoever cannot renew
stops to lead before that. Logins do not depend on any of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from eksauth.authenticator.backends.cluster.backoff import Backoff
from eksauth.authenticator.backends.cluster.kube_api import LEASES, ApiFailure, KubeApi, Object, connected
from eksauth.authenticator.backends.cluster.kube_where import Where
from eksauth.errors import EksauthError

_RELEASE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Term:
    """Times of an election in seconds: how long a lease lasts, and how often it is renewed or tried for."""

    lasts: float = 15.0
    renewed_every: float = 4.0


class Leader:
    """A candidate.

    :param name: of the Lease.
    :param gained: told when this server begins to lead.
    :param remark: told, once, that it may not take part.
    :param tick: monotonic seconds.
    """

    def __init__(
        self,
        where: Where,
        name: str,
        *,
        gained: Callable[[], None] = lambda: None,
        remark: Callable[[str], None] = lambda _message: None,
        term: Term | None = None,
        tick: Callable[[], float] = time.monotonic,
    ) -> None:
        self.identity = f"{socket.gethostname()}_{secrets.token_hex(8)}"
        self._where = where
        self._name = name
        self._gained = gained
        self._remark = remark
        self._remarked = False
        self._term = term or Term()
        self._tick = tick
        self._until = float("-inf")
        self._seen: tuple[object, ...] = ()
        self._seen_at = float("-inf")
        self._task: asyncio.Task[None] | None = None

    def leads(self) -> bool:
        """Whether this server leads now; turns false by itself when the lease cannot be renewed."""
        return self._tick() < self._until

    def start(self) -> None:
        """Stand for election."""
        self._task = asyncio.create_task(self._campaign(), name=f"lease {self._name}")

    def saw(self, objects: tuple[Object, ...]) -> None:
        """Nothing to do."""

    async def close(self) -> None:
        """Stop, and let the next one lead at once."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self.leads():
            with contextlib.suppress(EksauthError, TimeoutError):
                async with asyncio.timeout(_RELEASE_SECONDS), connected(self._where) as api:
                    await self._release(api)
        self._until = float("-inf")

    async def _campaign(self) -> None:
        backoff = Backoff(self._term.renewed_every / 4, max(self._term.renewed_every, 30.0))
        while True:
            try:
                async with connected(self._where) as api:
                    while True:
                        await self._attempt(api)
                        backoff.reset()
                        await asyncio.sleep(self._term.renewed_every)
            except EksauthError as error:
                if isinstance(error, ApiFailure) and error.status in {401, 403, 404} and not self._remarked:
                    self._remarked = True
                    self._remark(f"no status is written, because the lease {self._name} cannot be had: {error.message}")
                # whoever leads tries again before the lease is over
                await asyncio.sleep(
                    min(backoff.seconds(), self._term.renewed_every) if self.leads() else backoff.seconds()
                )

    async def _attempt(self, api: KubeApi) -> None:
        began, namespace = self._tick(), self._where.namespace()
        try:
            lease = await api.get(LEASES, self._name, namespace=namespace)
        except ApiFailure as error:
            if error.status != 404:
                raise
            lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": self._name}}
        spec = lease.get("spec") or {}
        holder = str(spec.get("holderIdentity") or "")
        if holder != self.identity:
            self._until = float("-inf")
            if holder and not self._is_over(spec, began):
                return
        lease["spec"] = self._spec(spec, holder)
        try:
            if "resourceVersion" in lease["metadata"]:
                await api.replace(LEASES, self._name, lease, namespace=namespace)
            else:
                await api.create(LEASES, lease, namespace=namespace)
        except ApiFailure as error:
            if error.status != 409:
                raise
            self._until = float("-inf")  # another one was quicker
            return
        led = self.leads()
        # the others count from when they see the change, which is later
        self._until = began + self._term.lasts * 2 / 3
        if not led:
            self._gained()

    def _is_over(self, spec: Object, now: float) -> bool:
        seen = (spec.get("holderIdentity"), spec.get("renewTime"), spec.get("leaseTransitions"))
        if seen != self._seen:
            self._seen, self._seen_at = seen, now
        lasts = spec.get("leaseDurationSeconds")
        return now >= self._seen_at + (lasts if isinstance(lasts, int) and 0 < lasts < 3600 else self._term.lasts)

    def _spec(self, old: Object, holder: str) -> Object:
        moment = time.time()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + f".{int(moment % 1 * 1e6):06d}Z"
        mine = holder == self.identity
        transitions = old.get("leaseTransitions")
        changes = transitions if isinstance(transitions, int) else 0
        return {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": max(1, round(self._term.lasts)),
            "acquireTime": old.get("acquireTime", stamp) if mine else stamp,
            "renewTime": stamp,
            "leaseTransitions": changes if mine or not old else changes + 1,
        }

    async def _release(self, api: KubeApi) -> None:
        namespace = self._where.namespace()
        lease = await api.get(LEASES, self._name, namespace=namespace)
        spec = lease.get("spec") or {}
        if spec.get("holderIdentity") == self.identity:
            lease["spec"] = {**spec, "holderIdentity": "", "leaseDurationSeconds": 1}
            await api.replace(LEASES, self._name, lease, namespace=namespace)
