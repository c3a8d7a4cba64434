"""What server tests share: an STS that says what it is told to, tokens, and a running server with a client."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from eksauth.authenticator.config import ServerConfig, parse_server_config
from eksauth.authenticator.decide import PrivateDnsName, build_authenticator
from eksauth.authenticator.identity import CallerIdentity
from eksauth.authenticator.server import decision_log
from eksauth.authenticator.server.metrics import Metrics
from eksauth.authenticator.server.process import AuthenticatorServer
from eksauth.authenticator.server.reviews.webhook import Authorizer
from eksauth.authenticator.server.settings import CacheSettings, Limits, ServerSettings, WebhookSettings
from eksauth.authenticator.server.sts_metrics import MeteredSts
from eksauth.authenticator.sts.client import StsQuestion
from eksauth.token.bearer import encode_token
from eksauth.token.sigv4 import presign_get_caller_identity

ACCOUNT = "111122223333"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/Admin"
SESSION = CallerIdentity(
    ACCOUNT, f"arn:aws:sts::{ACCOUNT}:assumed-role/Admin/ann@example.com", "AROAEXAMPLE:ann@example.com"
)
USER = CallerIdentity(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/dev/bob", "AIDAEXAMPLE")
KEY = "ASIAQEXAMPLEEXAMPLE0"
MAPPED = f"""
clusterID: demo
server:
  mapRoles:
  - rolearn: {ROLE_ARN}
    username: admin:{{{{SessionName}}}}
    groups: [system:masters, "team:{{{{AccountID}}}}"]
"""
V1, V1BETA1 = "authentication.k8s.io/v1", "authentication.k8s.io/v1beta1"


def mint(*, age: float = 0.0, region: str = "eu-west-1", key: str = KEY, serial: int = 0) -> str:
    """Return a token whose signature nobody here checks; ``serial`` makes it another one."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() - age))
    url = presign_get_caller_identity(
        host=f"sts.{region}.amazonaws.com",
        region=region,
        cluster_id="demo",
        access_key_id=key,
        secret_access_key=f"secret-{serial}",
        session_token=None,
        amz_date=stamp,
    )
    return encode_token(url)


@contextmanager
def collected_log() -> Iterator[StringIO]:
    """Collect the server's log as JSON lines, and put logging back."""
    loggers = [logging.getLogger(name) for name in (decision_log.LOGGER_NAME, *decision_log.FOREIGN_LOGGERS)]
    before = [(logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    stream = StringIO()
    decision_log.configure("json", "debug", stream)
    try:
        yield stream
    finally:
        for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
            logger.handlers[:], logger.propagate = handlers, propagate
            logger.setLevel(level)


def sample(text: str, name: str, labels: dict[str, str]) -> float:
    """Return one sample of metrics in the Prometheus text format, 0 when it is not there."""
    for family in text_string_to_metric_families(text):
        for found in family.samples:
            if found.name == name and found.labels == labels:
                return found.value
    return 0.0


@dataclass
class Sts:
    """Answers every question with ``answer`` once ``gate`` is open, and remembers the questions."""

    answer: CallerIdentity | Exception = SESSION
    asked: list[StsQuestion] = field(default_factory=list)
    gate: asyncio.Event | None = None

    async def get_caller_identity(self, question: StsQuestion) -> CallerIdentity:
        """Answer."""
        self.asked.append(question)
        if self.gate is not None:
            await self.gate.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@dataclass
class Running:
    """A server that listens, and a client that trusts its certificate."""

    server: AuthenticatorServer
    client: aiohttp.ClientSession
    sts: Sts
    tls: ssl.SSLContext

    def at(self, path: str) -> str:
        """Return the URL of ``path``."""
        return f"https://localhost:{self.server.port}{path}"

    async def post(self, body: bytes, *, path: str = "/authenticate", **headers: str) -> tuple[int, dict[str, Any]]:
        """Post a body and return status and JSON."""
        async with self.client.post(self.at(path), data=BytesIO(body), headers=headers) as reply:
            return reply.status, json.loads(await reply.read())

    async def review(
        self, token: str, *, version: str = V1, audiences: list[str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Ask about a token as kube-apiserver does."""
        spec: dict[str, Any] = {"token": token} | ({"audiences": audiences} if audiences is not None else {})
        question = {"kind": "TokenReview", "apiVersion": version, "metadata": {}, "spec": spec, "status": {"user": {}}}
        return await self.post(json.dumps(question).encode())

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a bare TLS connection."""
        return await asyncio.open_connection("127.0.0.1", self.server.port, ssl=self.tls, server_hostname="localhost")

    async def metric(self, name: str, **labels: str) -> float:
        """Return one sample of /metrics, 0 when it is not there."""
        async with self.client.get(self.at("/metrics")) as reply:
            return sample(await reply.text(), name, labels)


def settings_in(
    directory: Path,
    *,
    port: int = 0,
    address: str = "127.0.0.1",
    cache: CacheSettings | None = None,
    limits: Limits | None = None,
    webhook: WebhookSettings | None = None,
    ready_file: Path | None = None,
) -> ServerSettings:
    """Return settings of a server that keeps everything in ``directory``."""
    return ServerSettings(
        cluster_id="demo",
        state_dir=directory / "state",
        kubeconfig=directory / "webhook.yaml",
        address=address,
        port=port,
        cache=cache or CacheSettings(),
        limits=limits or Limits(grace=5),
        webhook=webhook or WebhookSettings(),
        ready_file=ready_file,
    )


@asynccontextmanager
async def serving(
    directory: Path,
    sts: Sts | None = None,
    *,
    config: str = MAPPED,
    cache: CacheSettings | None = None,
    limits: Limits | None = None,
    webhook: WebhookSettings | None = None,
    private_dns_name: PrivateDnsName | None = None,
    authorizer: Authorizer | None = None,
) -> AsyncIterator[Running]:
    """Run a server in this event loop."""
    sts, metrics = sts or Sts(), Metrics()
    parsed: ServerConfig = parse_server_config(config, "server.yaml")
    settings = settings_in(directory, cache=cache, limits=limits, webhook=webhook)
    authority = build_authenticator(parsed, MeteredSts(sts, metrics), private_dns_name=private_dns_name)
    server = AuthenticatorServer(settings, authority, metrics, authorizer)
    certificate = await server.start(time.time())
    hurry = asyncio.Event()
    try:
        tls = ssl.create_default_context(cadata=certificate.pem.decode())
        connector = aiohttp.TCPConnector(ssl=tls, limit=0)
        async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as client:
            yield Running(server, client, sts, tls)
    finally:
        hurry.set()
        await server.stop(hurry)
