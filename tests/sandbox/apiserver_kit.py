"""What the API server's tests share: a running server, a client for raw requests, a counting token webhook, kubectl."""

from __future__ import annotations

import asyncio
import io
import json
import os
import shutil
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from eksauth.sandbox.apiserver import EmbeddedApiServer, ServerConfig
from eksauth.sandbox.pki import LOOPBACK_HOSTS, issue_server_certificate, new_authority

ADMIN, ALICE = "admin-token", "alice-token"
TOKENS = f'{ADMIN},admin,admin-uid,"system:masters"\n{ALICE},alice,alice-uid,"devs,ops"\n'
JSON = "application/json"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
CORE = "/api/v1"
DEFAULT = f"{CORE}/namespaces/default"


@dataclass
class Reply:
    """Status, headers and parsed body of an answer."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def message(self) -> str:
        return str(self.json["message"])


class Api:
    """Sends raw requests to one server."""

    def __init__(self, session: aiohttp.ClientSession, endpoint: str, tls: ssl.SSLContext | bool) -> None:
        self.session = session
        self.endpoint = endpoint
        self.tls = tls

    async def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = ADMIN,
        content_type: str = JSON,
        headers: Any = None,
    ) -> Reply:
        sent: list[tuple[str, str]] = list(headers.items()) if isinstance(headers, dict) else list(headers or [])
        if token is not None:
            sent.append(("Authorization", f"Bearer {token}"))
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if data is not None:
            sent.append(("Content-Type", content_type))
        async with self.session.request(
            method,
            self.endpoint + path,
            data=io.BytesIO(data) if data and len(data) > 1_000_000 else data,
            headers=sent,
            ssl=self.tls,
            skip_auto_headers=["Content-Type"],
        ) as response:
            return Reply(response.status, dict(response.headers), await response.text())

    async def create(self, path: str, kind: str, name: str, **rest: Any) -> Reply:
        version = "rbac.authorization.k8s.io/v1" if path.startswith("/apis/rbac") else "v1"
        metadata = {"name": name, **rest.pop("metadata", {})}
        reply = await self("POST", path, {"apiVersion": version, "kind": kind, "metadata": metadata, **rest})
        assert reply.status == 201, reply.text
        return reply

    async def grant(self, name: str, rules: list[dict[str, Any]], *, user: str = "alice", namespace: str = "") -> None:
        """Give a user rules, in one namespace or everywhere."""
        root = f"{RBAC}/namespaces/{namespace}" if namespace else RBAC
        kind = "Role" if namespace else "ClusterRole"
        await self.create(f"{root}/{kind.lower()}s", kind, name, rules=rules)
        reference = {"kind": kind, "name": name, "apiGroup": "rbac.authorization.k8s.io"}
        await self.create(
            f"{root}/{kind.lower()}bindings",
            f"{kind}Binding",
            name,
            roleRef=reference,
            subjects=[{"kind": "User", "name": user}],
        )


@asynccontextmanager
async def running(directory: Path, **settings: Any) -> AsyncIterator[tuple[Api, EmbeddedApiServer]]:
    """Run a server with two static users."""
    directory.mkdir(parents=True, exist_ok=True)
    tokens = directory / "tokens.csv"
    tokens.write_text(TOKENS)
    config = ServerConfig(state_dir=directory / "state", token_file=tokens, **settings)
    async with EmbeddedApiServer(config) as server, aiohttp.ClientSession() as session:
        yield Api(session, server.endpoint, ssl.create_default_context(cafile=server.ca_path)), server


@dataclass
class FakeWebhook:
    """A token webhook that records what it is asked; ``answer`` maps a token to (HTTP status, headers, body)."""

    answer: Callable[[str], tuple[int, dict[str, str], Any]]
    requests: list[dict[str, Any]] = field(default_factory=list)
    held: asyncio.Event | None = None
    url: str = ""
    ca: str = ""
    problems: list[str] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.requests.append(body)
        if request.method != "POST" or body.get("kind") != "TokenReview" or "token" not in body.get("spec", {}):
            self.problems.append(f"{request.method} {sorted(body)}")
        if self.held is not None:
            await self.held.wait()
        status, headers, answer = self.answer(body["spec"]["token"])
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return web.Response(status=status, headers={"Content-Type": JSON, **headers}, body=data)


@asynccontextmanager
async def webhook(
    directory: Path, answer: Callable[[str], tuple[int, dict[str, str], Any]]
) -> AsyncIterator[tuple[FakeWebhook, Path]]:
    """Run a fake webhook over TLS and write the kubeconfig that names it."""
    authority = new_authority("test webhook")
    certificate, key = issue_server_certificate(authority, LOOPBACK_HOSTS)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "tls.pem").write_bytes(certificate + key)
    (directory / "hook-ca.pem").write_bytes(authority.cert_pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(directory / "tls.pem")
    fake = FakeWebhook(answer)
    app = web.Application()
    app.router.add_route("*", "/authenticate", fake.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    fake.url = f"https://127.0.0.1:{runner.addresses[0][1]}/authenticate"
    kubeconfig = directory / "webhook.yaml"
    kubeconfig.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "w", "cluster": {"server": fake.url, "certificate-authority": "hook-ca.pem"}}],
                "users": [{"name": "u", "user": {}}],
                "contexts": [{"name": "c", "context": {"cluster": "w", "user": "u"}}],
                "current-context": "c",
            }
        )
    )
    try:
        yield fake, kubeconfig
    finally:
        await runner.cleanup()
        assert not fake.problems


def yes(name: str, *, version: str = "v1", **user: Any) -> tuple[int, dict[str, str], Any]:
    """Return a webhook's yes."""
    status = {"authenticated": True, "user": {"username": name, **user}}
    return 200, {}, {"apiVersion": f"authentication.k8s.io/{version}", "kind": "TokenReview", "status": status}


def no(error: str = "") -> tuple[int, dict[str, str], Any]:
    """Return a webhook's no; with ``error`` it is one that must not be cached."""
    return 200, {}, {"status": {"authenticated": False, **({"error": error} if error else {})}}


def kubectls() -> list[Path]:
    """Return the plain kubectl binaries that can be found: a dispatcher's siblings, or the one on PATH."""
    explicit = os.environ.get("KUBECTL")
    if explicit:
        return [Path(explicit)]
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    found = shutil.which("kubectl") or (shutil.which("kubectl", path=assets) if assets else None)
    if found is None:
        return []
    versions = sorted(Path(found).resolve().parent.glob("kubectl.1.*"))
    return versions or [Path(found)]


def kubectl_sample() -> list[Path]:
    """Return the oldest, a middle and the newest kubectl."""
    every = kubectls()
    return list(dict.fromkeys([every[0], every[len(every) // 2], every[-1]])) if every else []
