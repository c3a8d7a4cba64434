"""A server whose configuration, mappings, backends and certificate change while it answers."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import ssl
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.authenticator.serving import ACCOUNT

from eksauth.authenticator.server.certs import alternative_names, make_pair

ROLE = f"arn:aws:iam::{ACCOUNT}:role/Admin"


@dataclass
class Server:
    """A server process."""

    process: asyncio.subprocess.Process
    directory: Path
    port: int
    log: Path

    async def get(self, path: str) -> str:
        """Return a page."""
        tls = ssl.create_default_context(cafile=str(self.directory / "state" / "cert.pem"))
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls)) as client,
            client.get(f"https://localhost:{self.port}{path}") as reply,
        ):
            return await reply.text()

    async def authorized(self, role: str = ROLE) -> bool:
        """Tell whether the principal may list pods by an access policy."""
        tls = ssl.create_default_context(cafile=str(self.directory / "state" / "cert.pem"))
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": "x",
                "extra": {"canonicalArn": [role]},
                "resourceAttributes": {"verb": "list", "resource": "pods", "namespace": "dev"},
            },
        }
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls)) as client,
            client.post(f"https://localhost:{self.port}/authorize", json=review) as reply,
        ):
            answer: dict[str, Any] = await reply.json()
        return bool(answer["status"]["allowed"])

    async def logged(self, *, detail: str) -> None:
        """Wait for a log line."""
        async with asyncio.timeout(30):
            while detail not in self.log.read_text():
                await asyncio.sleep(0.02)


async def until(true: Callable[[], Any]) -> None:
    """Wait for something that happens soon."""
    async with asyncio.timeout(30):
        while not await true():
            await asyncio.sleep(0.05)


def entries(*roles: str) -> str:
    """Return an access entry file that lets roles view everything."""
    policy = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
    association = {"policyArn": policy, "accessScope": {"type": "cluster"}}
    return json.dumps({"accessEntries": [{"principalArn": role, "accessPolicies": [association]} for role in roles]})


@asynccontextmanager
async def running(directory: Path, server: dict[str, Any]) -> AsyncIterator[Server]:
    """Run a server process on a configuration."""
    (directory / "server.json").write_text(json.dumps({"clusterID": "demo", "server": server}))
    ready, log = directory / "ready.json", directory / "log"
    command = [
        sys.executable,
        "-m",
        "eksauth",
        "server",
        "run",
        "--config",
        str(directory / "server.json"),
        "--port",
        "0",
    ]
    command += ["--state-dir", str(directory / "state"), "--generate-kubeconfig", str(directory / "webhook.yaml")]
    with log.open("wb") as stream:
        process = await asyncio.create_subprocess_exec(
            *command, "--ready-file", str(ready), "-l", "json", stdout=stream, stderr=stream, env=dict(os.environ)
        )
    try:
        async with asyncio.timeout(60):
            while not ready.exists():
                assert process.returncode is None, log.read_text()
                await asyncio.sleep(0.05)
        yield Server(process, directory, json.loads(ready.read_text())["port"], log)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 30) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def rewrite(directory: Path, server: dict[str, Any]) -> None:
    """Replace the configuration."""
    (directory / "server.json").write_text(json.dumps({"clusterID": "demo", "server": server}))


async def test_configuration_backends_and_entries_change_without_a_restart(tmp_path: Path) -> None:
    """One process: entries appear, are edited, broken, and the backend list and settings change around them."""
    path = tmp_path / "entries.json"
    path.write_text(entries(ROLE))
    async with running(tmp_path, {"mapAccounts": [ACCOUNT]}) as server:
        assert not await server.authorized()
        both = {"backendMode": ["AccessEntries", "MountedFile"], "accessEntriesPath": str(path)}
        rewrite(tmp_path, both | {"mapAccounts": [ACCOUNT]})
        await until(server.authorized)
        path.write_text(entries("arn:aws:iam::111122223333:role/Other"))
        await server.logged(detail="AccessEntries")
        async with asyncio.timeout(30):
            while await server.authorized():
                await asyncio.sleep(0.05)
        path.write_text("{")
        await server.logged(detail="not valid YAML")
        assert await server.authorized("arn:aws:iam::111122223333:role/Other")
        metrics = await server.get("/metrics")
        assert 'eksauth_backend_failing{backend="AccessEntries"} 1.0' in metrics
        assert 'eksauth_backend_entries{backend="MountedFile"} 1.0' in metrics
        rewrite(tmp_path, both | {"backendMode": "Nonsense"})
        await server.logged(detail="no such backend mode")
        assert await server.authorized("arn:aws:iam::111122223333:role/Other")
        rewrite(tmp_path, both | {"hostname": "other"})
        await server.logged(detail="need a restart: hostname")


async def test_a_hangup_reloads_and_lets_emptiness_take_effect(tmp_path: Path) -> None:
    """Entries that were emptied are held; SIGHUP says that it was meant."""
    path = tmp_path / "entries.json"
    path.write_text(entries(ROLE))
    async with running(tmp_path, {"backendMode": "AccessEntries", "accessEntriesPath": str(path)}) as server:
        assert await server.authorized()
        path.write_text(entries())
        await server.logged(detail="stay in force")
        assert await server.authorized()
        server.process.send_signal(signal.SIGHUP)
        async with asyncio.timeout(30):
            while await server.authorized():
                await asyncio.sleep(0.05)


async def test_the_backend_list_follows_its_file(tmp_path: Path) -> None:
    """dynamicBackendModePath: modes between blanks; a broken list changes nothing, a deleted one goes back."""
    path, modes = tmp_path / "entries.json", tmp_path / "modes.json"
    path.write_text(entries(ROLE))
    config = {"backendMode": "MountedFile", "accessEntriesPath": str(path), "dynamicBackendModePath": str(modes)}
    async with running(tmp_path, config) as server:
        assert not await server.authorized()
        modes.write_text(json.dumps({"backendMode": "AccessEntries MountedFile", "LastUpdatedDateTime": "1"}))
        await until(server.authorized)
        modes.write_text('{"backendMode": "AccessEntries Nonsense"}')
        await server.logged(detail="backend list stays as it is")
        assert await server.authorized()
        modes.unlink()
        async with asyncio.timeout(30):
            while await server.authorized():
                await asyncio.sleep(0.05)
        assert 'latency_seconds_count{type="dynamic_backend_mode"} 1.0' in await server.get("/metrics")


@pytest.mark.parametrize("broken_first", [False, True], ids=["good", "broken-first"])
async def test_a_renewed_certificate_is_used_and_told(tmp_path: Path, broken_first: bool) -> None:
    """New connections get the new pair, the webhook kubeconfig names it, and a pair that does not work is not used."""
    async with running(tmp_path, {"mapAccounts": [ACCOUNT]}) as server:
        state = tmp_path / "state"
        old = (state / "cert.pem").read_bytes()
        assert await server.get("/healthz") == "ok"
        if broken_first:
            (state / "cert.pem").write_text("nonsense")
            await server.logged(detail="holds no certificate")
            (state / "cert.pem").write_bytes(old)
            assert await server.get("/healthz") == "ok"
        certificate, key = make_pair(alternative_names(("127.0.0.1", "localhost")), time.time())
        (state / "key.pem").write_bytes(key)
        (state / "cert.pem").write_bytes(certificate)
        await server.logged(detail="a new certificate is in use")
        assert await server.get("/healthz") == "ok"
        assert old.decode().splitlines()[3] not in (tmp_path / "webhook.yaml").read_text()
