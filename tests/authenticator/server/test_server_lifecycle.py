"""Starting and stopping: addresses, failed starts, the end of the grace period."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Coroutine
from pathlib import Path

import aiohttp
import pytest
from tests.authenticator.serving import MAPPED, Sts, mint, serving, settings_in

from eksauth.authenticator.config import parse_server_config
from eksauth.authenticator.decide import build_authenticator
from eksauth.authenticator.server.doors.listening import listen
from eksauth.authenticator.server.metrics import Metrics
from eksauth.authenticator.server.process import AuthenticatorServer
from eksauth.authenticator.server.run import loop_factory
from eksauth.authenticator.server.settings import Limits
from eksauth.errors import ConfigError


def has_ipv6() -> bool:
    """Tell whether this machine has an IPv6 loopback."""
    with contextlib.suppress(OSError), socket.create_server(("::1", 0), family=socket.AF_INET6):
        return True
    return False


def test_a_listener_takes_a_free_port() -> None:
    """Port 0 becomes a real one."""
    with listen("127.0.0.1", 0) as listener:
        assert listener.getsockname()[1] > 0


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 loopback here")
@pytest.mark.parametrize("address, reached", [("::1", ["::1"]), ("::", ["::1", "127.0.0.1"])])
def test_ipv6_addresses(address: str, reached: list[str]) -> None:
    """An IPv6 address is listened on; the unspecified one takes IPv4 as well."""
    with listen(address, 0) as listener:
        for host in reached:
            socket.create_connection((host, listener.getsockname()[1]), timeout=5).close()


@pytest.mark.parametrize("address", ["", "0.0.0.0"])
def test_every_interface(address: str) -> None:
    """The unspecified address takes connections to loopback."""
    with listen(address, 0) as listener:
        socket.create_connection(("127.0.0.1", listener.getsockname()[1]), timeout=5).close()


@pytest.mark.parametrize(
    "address, port, reason",
    [("203.0.113.1", 0, "cannot assign"), ("no such host", 0, ""), ("127.0.0.1", 70_000, ""), ("256.1.1.1", 0, "")],
)
def test_addresses_that_cannot_be_had(address: str, port: int, reason: str) -> None:
    """Each is a configuration error that names address and port."""
    with pytest.raises(ConfigError, match=f"cannot listen on {address} port {port}: .*{reason}") as caught:
        listen(address, port)
    assert caught.value.hint


async def test_a_failed_start_leaves_nothing_open(tmp_path: Path) -> None:
    """When the kubeconfig cannot be written the port is free again at once."""
    (tmp_path / "webhook.yaml").mkdir()
    authority = build_authenticator(parse_server_config(MAPPED, "server.yaml"), Sts())
    server = AuthenticatorServer(settings_in(tmp_path), authority, Metrics())
    with pytest.raises(ConfigError, match="cannot write the webhook kubeconfig"):
        await server.start(time.time())
    listen("127.0.0.1", server.port).close()


async def test_the_grace_period_ends(tmp_path: Path) -> None:
    """A request that hangs does not keep the server; its client sees the connection close."""
    sts = Sts(gate=asyncio.Event())
    limits = Limits(grace=0.05)
    authority = build_authenticator(parse_server_config(MAPPED, "server.yaml"), sts)
    server = AuthenticatorServer(settings_in(tmp_path, limits=limits), authority, Metrics())
    certificate = await server.start(time.time())
    reader, writer = await _connect(server.port, certificate.pem)
    token = mint().encode()
    body = b'{"spec":{"token":"%s"}}' % token
    writer.write(b"POST /authenticate HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    while not sts.asked:
        await asyncio.sleep(0.01)
    await server.stop(asyncio.Event())
    assert await reader.read() == b""
    writer.close()


async def test_an_idle_connection_does_not_delay_the_end(tmp_path: Path) -> None:
    """API servers keep connections open; stopping closes them without waiting for the grace period."""
    async with serving(tmp_path, limits=Limits(grace=600)) as running:
        assert (await running.review(mint()))[0] == 200
        reader, writer = await running.connect()
        await running.server.stop(asyncio.Event())
        assert await reader.read() == b""
        writer.close()


async def test_a_request_under_way_gets_its_answer_and_the_connection_closes(tmp_path: Path) -> None:
    """The last answer says that the connection ends with it, and nobody new is let in."""
    sts = Sts(gate=asyncio.Event())
    async with serving(tmp_path, sts) as running:
        request = asyncio.create_task(_post(running.client, running.at("/authenticate"), mint()))
        while not sts.asked:
            await asyncio.sleep(0.01)
        stopping = asyncio.create_task(running.server.stop(asyncio.Event()))
        await asyncio.sleep(0)
        with pytest.raises(ConnectionRefusedError):
            await running.connect()
        assert sts.gate is not None
        sts.gate.set()
        assert await request == (200, "close")
        await stopping


async def _post(client: aiohttp.ClientSession, url: str, token: str) -> tuple[int, str | None]:
    async with client.post(url, json={"spec": {"token": token}}) as reply:
        return reply.status, reply.headers.get("Connection")


async def _connect(port: int, pem: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    context = ssl.create_default_context(cadata=pem.decode())
    return await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")


@pytest.mark.parametrize(
    "scenario",
    [
        test_the_grace_period_ends,
        test_an_idle_connection_does_not_delay_the_end,
        test_a_request_under_way_gets_its_answer_and_the_connection_closes,
    ],
)
def test_the_end_is_the_same_on_the_loop_of_production(
    tmp_path: Path, scenario: Callable[[Path], Coroutine[None, None, None]]
) -> None:
    """Draining works the same on the event loop that the command runs on."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(scenario(tmp_path))
