"""Elections: one leader at a time, also when the API is slow, gone, or holds nonsense in the lease."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from tests.authenticator.backends.watchers import until

from eksauth.authenticator.backends.cluster.kube_where import Where
from eksauth.authenticator.backends.cluster.leader import Leader, Term

QUICK = Term(lasts=1.0, renewed_every=0.1)
PATIENT = Term(lasts=10.0, renewed_every=0.2)


@dataclass
class Leases:
    """An API that knows one lease, with versions as Kubernetes has them; it can be down."""

    lease: dict[str, Any] | None = None
    version: int = 0
    down: int = 0
    refused: int = 0
    holders: list[str] = field(default_factory=list)
    url: str = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer a request for the lease."""
        if self.down:
            return status(self.down)
        if request.method == "GET":
            return web.json_response(self.lease) if self.lease is not None else status(404)
        body = json.loads(await request.read())
        if request.method == "POST":
            if self.lease is not None:
                return status(409)
        elif self.lease is None or body["metadata"]["resourceVersion"] != self.lease["metadata"]["resourceVersion"]:
            self.refused += 1
            return status(409)
        self.version += 1
        self.lease = {**body, "metadata": {**body["metadata"], "resourceVersion": str(self.version)}}
        holder = body["spec"]["holderIdentity"]
        if not self.holders or self.holders[-1] != holder:
            self.holders.append(holder)
        return web.json_response(self.lease)


def status(code: int) -> web.Response:
    """Return a refusal as Kubernetes words it."""
    return web.json_response({"kind": "Status", "message": "no"}, status=code)


@asynccontextmanager
async def serving() -> AsyncIterator[Leases]:
    """Run the API."""
    leases, app = Leases(), web.Application()
    app.router.add_route("*", "/{path:.*}", leases.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    leases.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield leases
    finally:
        await runner.cleanup()


@asynccontextmanager
async def candidate(
    leases: Leases, remarks: list[str] | None = None, gained: list[str] | None = None, term: Term = QUICK
) -> AsyncIterator[Leader]:
    """Run a candidate that remembers when it won."""
    won: list[str] = gained if gained is not None else []
    said: list[str] = remarks if remarks is not None else []
    leader = Leader(
        Where(master=leases.url), "lease", gained=lambda: won.append(leader.identity), remark=said.append, term=term
    )
    leader.start()
    try:
        yield leader
    finally:
        await leader.close()


async def test_one_of_many_leads() -> None:
    """Ten candidates that start together elect one, which keeps the lease."""
    async with serving() as leases, AsyncExitStack() as stack:
        gained: list[str] = []
        leaders = [await stack.enter_async_context(candidate(leases, gained=gained, term=PATIENT)) for _ in range(10)]
        await until(lambda: gained)
        for _ in range(20):
            assert sum(leader.leads() for leader in leaders) == 1
            await asyncio.sleep(0.1)
        assert len(gained) == 1
        assert leases.holders == gained


async def test_the_lease_is_handed_over() -> None:
    """A leader that stops lets go, and the next one need not wait for the lease to be over."""
    async with serving() as leases, candidate(leases) as second:
        async with candidate(leases) as first:
            await until(lambda: first.leads() or second.leads())
            one, other = (first, second) if first.leads() else (second, first)
            await one.close()
            assert not one.leads()
            await until(other.leads)
        assert leases.holders[:3] == [one.identity, "", other.identity]


async def test_a_leader_that_cannot_renew_stops_before_another_may_begin() -> None:
    """While the API is down nobody leads any more, in time; afterwards somebody does again."""
    async with serving() as leases, candidate(leases) as leader:
        await until(leader.leads)
        leases.down = 503
        await asyncio.sleep(0.3)
        assert leader.leads(), "two missed renewals are no reason"
        await asyncio.sleep(0.7)
        assert not leader.leads()
        leases.down = 0
        await until(leader.leads)


async def test_a_leader_that_was_replaced_notices() -> None:
    """Whoever finds another holder in the lease leads no longer."""
    async with serving() as leases, candidate(leases) as leader:
        await until(leader.leads)
        assert leases.lease is not None
        leases.lease["spec"] = {**leases.lease["spec"], "holderIdentity": "usurper"}
        await until(lambda: not leader.leads())
        await until(leader.leads)


@pytest.mark.parametrize(
    "spec",
    [
        None,
        {},
        {"holderIdentity": None},
        {"holderIdentity": "x", "leaseDurationSeconds": 0},
        {"holderIdentity": "x", "leaseDurationSeconds": -5},
        {"holderIdentity": "x", "leaseDurationSeconds": "long"},
        {"holderIdentity": "x", "leaseDurationSeconds": 10**9},
        {"holderIdentity": 5, "leaseTransitions": "many", "renewTime": []},
    ],
)
async def test_a_lease_with_nonsense_in_it_is_taken_over(spec: object) -> None:
    """Whatever somebody wrote into the lease, it is over some time, and the next leader writes a proper one."""
    async with serving() as leases:
        leases.version = 1
        leases.lease = {"metadata": {"name": "lease", "resourceVersion": "1"}, "spec": spec}
        async with candidate(leases) as leader:
            await until(leader.leads)
            assert leases.lease["spec"]["holderIdentity"] == leader.identity
            assert leases.lease["spec"]["leaseDurationSeconds"] == 1


async def test_without_the_right_it_is_said_once() -> None:
    """A candidate that is refused does not lead, says why once, and does not hammer."""
    async with serving() as leases:
        leases.down = 403
        remarks: list[str] = []
        async with candidate(leases, remarks) as leader:
            await asyncio.sleep(0.5)
            assert not leader.leads()
        assert len(remarks) == 1
        assert "lease" in remarks[0]
