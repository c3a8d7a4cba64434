"""What one peer address may use, and how connections that say nothing make room."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.authenticator.serving import Sts, mint, serving

from eksauth.authenticator.server.doors.sources import Sources
from eksauth.authenticator.server.settings import Limits


def test_verifications_of_one_address_are_bounded() -> None:
    """One address at its limit does not keep another from beginning, and places come back."""
    sources = Sources(at_once=2, per_second=0, connections=9)
    assert [sources.begin("a") for _ in range(3)] == [True, True, False]
    assert sources.begin("b")
    sources.end("a")
    assert sources.begin("a")


def test_the_rate_of_one_address_is_bounded() -> None:
    """A burst of twice the rate passes, then as many as the rate says; others are not concerned."""
    clock = [0.0]
    sources = Sources(at_once=1_000, per_second=10, connections=9, tick=lambda: clock[0])
    assert sum(sources.begin("a") for _ in range(100)) == 20
    clock[0] += 1
    assert sum(sources.begin("a") for _ in range(100)) == 10
    assert sum(sources.begin("b") for _ in range(100)) == 20


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=60))
def test_counts_come_out_even(steps: list[tuple[str, bool]]) -> None:
    """Whatever begins and ends: when everything has ended nothing is held in memory."""
    sources = Sources(at_once=3, per_second=0, connections=2)
    begun, connected = [], []
    for source, verify in steps:
        if verify and sources.begin(source):
            begun.append(source)
        elif not verify and sources.connect(source):
            connected.append(source)
        assert begun.count(source) <= 3
        assert connected.count(source) <= 2
    for source in begun:
        sources.end(source)
    for source in connected:
        sources.disconnect(source)
    assert sources.remembered() == 0


def test_addresses_are_not_collected() -> None:
    """A hundred thousand addresses that each ask once leave a bounded memory."""
    sources = Sources(at_once=3, per_second=1, connections=2)
    for number in range(100_000):
        sources.begin(str(number))
        sources.end(str(number))
    assert sources.remembered() <= 4096


async def test_an_address_over_its_limit_is_told_to_wait(tmp_path: Path) -> None:
    """New tokens are 429, what is remembered is answered, and it ends with the verifications that took the places."""
    sts = Sts(gate=asyncio.Event())
    assert sts.gate is not None
    sts.gate.set()
    async with serving(tmp_path, sts, limits=Limits(verifications_per_source=2, grace=5)) as running:
        known = mint(serial=99)
        assert (await running.review(known))[0] == 200
        sts.gate.clear()
        waiting = [asyncio.create_task(running.review(mint(serial=number))) for number in range(2)]
        while len(sts.asked) < 3:
            await asyncio.sleep(0.01)
        assert (await running.review(mint(serial=7)))[0] == 429
        assert (await running.review(known))[0] == 200
        # the same token is no further verification
        waiting.append(asyncio.create_task(running.review(mint(serial=0))))
        await asyncio.sleep(0.05)
        sts.gate.set()
        assert [status for status, _ in await asyncio.gather(*waiting)] == [200] * 3
        assert (await running.review(mint(serial=7)))[0] == 200


def silent(port: int) -> socket.socket:
    """Open a connection that never begins its TLS handshake."""
    return socket.create_connection(("127.0.0.1", port), timeout=5)


async def _ended(connection: socket.socket) -> bool:
    connection.settimeout(0)
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(5):
            return await loop.sock_recv(connection, 1) == b""
    except ConnectionError:
        return True
    finally:
        connection.close()


async def test_pending_handshakes_make_room(tmp_path: Path) -> None:
    """However many connect and say nothing, somebody who does is served, and the oldest of the silent ones are cut."""
    async with serving(tmp_path, limits=Limits(handshakes=8, handshake=60, grace=5)) as running:
        holding = [await asyncio.to_thread(silent, running.server.port) for _ in range(40)]
        assert (await running.review(mint()))[0] == 200
        ended = [await _ended(connection) for connection in holding[:30]]
        for connection in holding[30:]:
            connection.close()
    assert all(ended)


async def test_silent_connections_make_room(tmp_path: Path) -> None:
    """At the limit of connections the one that has been silent for longest goes, and one in use stays."""
    async with serving(tmp_path, limits=Limits(connections=4, grace=5)) as running:
        assert (await running.review(mint()))[0] == 200
        silent_ones = [await running.connect() for _ in range(6)]
        reader, _ = silent_ones[0]
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        assert (await running.review(mint()))[0] == 200
        for _, writer in silent_ones:
            writer.close()


async def test_connections_of_one_address_are_bounded(tmp_path: Path) -> None:
    """Further ones are closed before a handshake costs anything; places come back."""
    async with serving(tmp_path, limits=Limits(connections_per_source=3, grace=5)) as running:
        held = [await running.connect() for _ in range(3)]
        with pytest.raises(OSError, match=r".*"):
            await running.connect()
        for _, writer in held:
            writer.close()
            await writer.wait_closed()
        for _ in range(100):
            try:
                _, writer = await running.connect()
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return
        pytest.fail("the places did not come back")
