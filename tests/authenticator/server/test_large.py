"""A server with more mappings than it reads itself: another process reads them, and nobody else notices."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.authenticator.backends.reading.contents import readers
from tests.authenticator.server.test_live import rewrite, running
from tests.authenticator.serving import ACCOUNT


def mappings(count: int) -> dict[str, Any]:
    """Return a server's configuration with so many roles."""
    return {"mapRoles": [{"rolearn": f"arn:aws:iam::{ACCOUNT}:role/R{at}", "username": f"r{at}", "groups": ["viewers"]} for at in range(count)]}  # fmt: skip


async def test_it_starts_and_changes_like_a_small_one(tmp_path: Path) -> None:
    """Mappings are in force at the start, replaced, kept when the file breaks, and the place is named."""
    async with running(tmp_path, mappings(4000)) as server:
        assert 'eksauth_backend_entries{backend="MountedFile"} 4000.0' in await server.get("/metrics")
        rewrite(tmp_path, mappings(4001))
        await server.logged(detail="4001 entries are in force")
        text = (tmp_path / "server.json").read_text()
        (tmp_path / "server.json").write_text(text.replace('"username": "r3999"', "\n {", 1))
        await server.logged(detail=f"the newer configuration is not used: {tmp_path}/server.json:2:3: not valid YAML")
        assert 'eksauth_backend_entries{backend="MountedFile"} 4001.0' in await server.get("/metrics")
        assert 'eksauth_backend_failing{backend="MountedFile"} 1.0' in await server.get("/metrics")
        rewrite(tmp_path, mappings(4002))
        await server.logged(detail="4002 entries are in force")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="finds processes in /proc")
async def test_it_stops_in_the_middle_of_a_reload(tmp_path: Path) -> None:
    """SIGTERM ends the server as ever, and the process that reads with it."""
    async with running(tmp_path, mappings(10)) as server:
        pid = server.process.pid
        rewrite(tmp_path, mappings(60_000))
        async with asyncio.timeout(60):
            while not readers(pid):
                await asyncio.sleep(0.01)
        (child,) = readers(pid)
        assert "ok" in await server.get("/healthz")
    assert not Path(f"/proc/{child}").exists()
    assert "60000 entries" not in server.log.read_text()
