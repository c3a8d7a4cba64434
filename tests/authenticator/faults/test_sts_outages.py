"""A whole server while STS has trouble of every kind: what logins get, who is not affected, and that it ends."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
import trustme
from tests.authenticator.loopback import (
    Script,
    caller,
    endless,
    error,
    garbage,
    half,
    hang_up,
    loopback,
    reply,
    reset,
    silence,
)
from tests.authenticator.serving import ACCOUNT, SESSION, Running, Sts, mint, serving

from eksauth.authenticator.server.settings import CacheSettings
from eksauth.authenticator.sts.client import StsClient
from eksauth.authenticator.sts.host import HostLimits
from eksauth.authenticator.sts.hosts import StsHosts
from eksauth.authenticator.sts.shares import SharedSts

HOME, AWAY = "sts.eu-west-1.amazonaws.com", "sts.us-west-2.amazonaws.com"
GOOD = reply(200, caller(Account=ACCOUNT, Arn=SESSION.arn, UserId=SESSION.user_id))
NAME = "sts.test"


async def drip(writer: asyncio.StreamWriter) -> None:
    """Begin a good answer and never come to its end."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
    while not writer.is_closing():
        writer.write(b" ")
        await asyncio.sleep(0.02)


@dataclass
class Region:
    """One region of STS over TLS under a name, whose answers, certificate and address can change.

    :ivar resolves: whether its name does.
    """

    script: Script = GOOD
    resolves: bool = True
    accepts: bool = True

    async def __call__(self, writer: asyncio.StreamWriter) -> None:
        """Answer as told at this moment."""
        await (self.script if self.accepts else reset)(writer)


@dataclass
class World:
    """A server with everything that the command gives it, and the two regions that it asks."""

    running: Running
    home: Region
    tls: ssl.SSLContext
    right: trustme.LeafCert
    wrong: trustme.LeafCert
    tokens: dict[tuple[int, str], str] = field(default_factory=dict)

    async def status(self, serial: int, region: str = "eu-west-1") -> int:
        """Return the status that a login has, with the same token each time; who is let in has 200."""
        token = self.tokens.setdefault((serial, region), mint(serial=serial, region=region))
        status, answer = await self.running.review(token)
        assert bool(answer["status"] != "Failure" and answer["status"].get("authenticated")) is (status == 200)
        return status


@pytest.fixture(name="world")
async def world_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """Run all of it on loopback."""
    home = Region()
    look_up = socket.getaddrinfo

    def names(host: Any, *rest: Any, **more: Any) -> Any:
        if host != NAME:
            return look_up(host, *rest, **more)
        if not home.resolves:
            raise socket.gaierror(socket.EAI_AGAIN, "temporary failure in name resolution")
        return look_up("127.0.0.1", *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", names)
    authority, stranger = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    right, wrong = authority.issue_cert(NAME), stranger.issue_cert(NAME)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    right.configure_cert(tls)
    async with AsyncExitStack() as stack:
        near = await stack.enter_async_context(loopback(home, tls=tls))
        far = await stack.enter_async_context(loopback(GOOD))
        overrides = {HOME: f"https://{NAME}:{near.port}", AWAY: far.origin()}
        client = StsClient(overrides=overrides, ca_file=tmp_path / "ca.pem", timeout=0.5, environ={})
        await stack.enter_async_context(client)
        sts = SharedSts(StsHosts(client, limits=HostLimits(backoff=0.001)), unproven=128)
        running = await stack.enter_async_context(_quiet(tmp_path / "server", sts))
        yield World(running, home, tls, right, wrong)


@asynccontextmanager
async def _quiet(directory: Path, sts: SharedSts) -> AsyncIterator[Running]:
    directory.mkdir()
    async with serving(directory, cast("Sts", sts), cache=CacheSettings()) as running:
        yield running


def down(world: World) -> None:
    """Let every connection die at once."""
    world.home.accepts = False


def no_name(world: World) -> None:
    """Let the name resolve no more."""
    world.home.resolves = False


def intercepted(world: World) -> None:
    """Let somebody else answer, with a certificate that nobody trusts."""
    world.wrong.configure_cert(world.tls)


def saying(script: Script) -> Any:
    """Let STS answer like that."""

    def begin(world: World) -> None:
        world.home.script = script

    return begin


TROUBLES = [
    pytest.param(down, 504, "sts.unreachable", id="down"),
    pytest.param(no_name, 504, "sts.unreachable", id="dns"),
    pytest.param(intercepted, 504, "sts.tls", id="wrong-certificate"),
    pytest.param(saying(reset), 504, "sts.unreachable", id="resets"),
    pytest.param(saying(hang_up), 504, "sts.unreachable", id="hangs-up"),
    pytest.param(saying(silence), 504, "sts.timeout", id="silent"),
    pytest.param(saying(drip), 504, "sts.timeout", id="slow-body"),
    pytest.param(saying(half), 504, "sts.unreachable", id="half-an-answer"),
    pytest.param(saying(garbage), 504, "sts.malformed_reply", id="garbage"),
    pytest.param(saying(endless), 504, "sts.malformed_reply", id="endless"),
    pytest.param(saying(reply(200, b"<html>please sign in</html>")), 504, "sts.malformed_reply", id="captive-portal"),
    pytest.param(saying(reply(500, b"")), 504, "sts.server_error", id="500"),
    pytest.param(saying(reply(400, error("Throttling"))), 429, "sts.throttled", id="throttling"),
]


def recover(world: World) -> None:
    """Let everything be as it was."""
    world.home.script, world.home.resolves, world.home.accepts = GOOD, True, True
    world.right.configure_cert(world.tls)


@pytest.mark.parametrize("begin, status, reason", TROUBLES)
async def test_trouble_that_ends(world: World, begin: Any, status: int, reason: str) -> None:
    """Logins can be tried again and work when it is over; known users and other regions notice nothing of it."""
    begin(world)
    assert await world.status(1) == status
    assert await world.running.metric("eksauth_decisions_total", reason=reason) == 1
    assert await world.status(2, "us-west-2") == 200
    recover(world)
    async with asyncio.timeout(10):
        # a circuit that opened closes with its next probe
        while await world.status(1) != 200:
            await asyncio.sleep(0.05)
    begin(world)
    assert await world.status(1) == 200, "somebody whom STS vouched for is remembered"
    assert await world.running.metric("eksauth_internal_errors_total") == 0


async def test_an_outage_of_minutes(world: World) -> None:
    """Hundreds of logins meet a region that is down: each gets its answer soon, and the first after it gets in."""
    down(world)
    async with asyncio.timeout(30):
        for first in range(0, 200, 50):
            statuses = await asyncio.gather(*(world.status(1000 + number) for number in range(first, first + 50)))
            assert set(statuses) <= {504, 429}
            assert await world.status(first, "us-west-2") == 200
            await asyncio.sleep(0.6)
        recover(world)
        while await world.status(1000) != 200:
            await asyncio.sleep(0.05)
    assert await world.status(1001) == 200
