"""The HTTPS server in front of the cloud; embeddable, one event loop, no threads."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import ssl
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Literal, Self

from aiohttp import web

from eksauth.sandbox.aws.cloud import Cloud, claimed_region, name_operation
from eksauth.sandbox.aws.clusters import Cluster
from eksauth.sandbox.aws.control import PREFIX, Control
from eksauth.sandbox.aws.faults import OrderedFault, ServiceFault
from eksauth.sandbox.aws.federation.fetch import KeyFetcher
from eksauth.sandbox.aws.federation.key_prefetch import prefetch_keys
from eksauth.sandbox.aws.machine.api import machine_operation
from eksauth.sandbox.aws.planting import plant_everything
from eksauth.sandbox.aws.request import RawRequest
from eksauth.sandbox.aws.seed import Seed
from eksauth.sandbox.aws.wire import Answer
from eksauth.sandbox.pki import LOOPBACK_HOSTS, issue_server_certificate, new_authority

_LARGEST_BODY = 1 << 20
# room for a presigned URL with a large session token
_LARGEST_LINE = 64 << 10
_SHUTDOWN_SECONDS = 1.0
_SLOW_PIECES = 10
_GARBAGE = b"\x00\xff<<<{not an answer}>>>"


class AwsEndpoint:
    """A running AWS: ``async with AwsEndpoint() as aws: … aws.url …``.

    :param tls: paths of certificate and key; None makes an authority of its own, see ``ca_pem``.
    :param control_token: for ``/_sandbox/``; None makes a random one.
    :param trusted: PEM files of authorities whose OpenID Connect issuers STS believes, besides the machine's.
    :param clock: seconds since the epoch.
    :raises OSError: on entering, when the port is taken.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: tuple[Path, Path] | None = None,
        control_token: str | None = None,
        seed: Literal["default", "none"] = "default",
        clusters: Sequence[Cluster] = (),
        trusted: Sequence[Path] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.host = host
        self.port = port
        self.control_token = control_token or secrets.token_urlsafe(32)
        self.cloud = Cloud(clock=clock)
        self.seed: Seed | None = None
        if seed == "default":
            self.seed = plant_everything(self.cloud)
        self.ca_pem: bytes | None = None
        for cluster in clusters:
            self.cloud.clusters.put(cluster)
        self._ssl = self._make_context(tls)
        own = self.ca_pem if tls is None else tls[0].read_bytes()
        self._keys = KeyFetcher([own or b"", *(path.read_bytes() for path in trusted)])
        self._control = Control(self.cloud, self.control_token, self.seed)
        self._server: web.Server | None = None
        self._runner: web.ServerRunner | None = None

    @property
    def url(self) -> str:
        """Return the base URL, for AWS_ENDPOINT_URL."""
        return f"https://{self.url_host}:{self.port}"

    @property
    def url_host(self) -> str:
        """Return the host as URLs spell it."""
        return f"[{self.host}]" if ":" in self.host else self.host

    async def __aenter__(self) -> Self:
        self._server = web.Server(
            self._handle,
            access_log=None,
            max_line_size=_LARGEST_LINE,
            max_field_size=_LARGEST_LINE,
            auto_decompress=False,  # a signature covers the bytes as sent
        )
        self._runner = web.ServerRunner(self._server, shutdown_timeout=_SHUTDOWN_SECONDS)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.host, self.port, ssl_context=self._ssl, backlog=1024)
        # clients take container credentials and metadata over plain HTTP from this machine
        plain = web.TCPSite(self._runner, self.host, 0)
        try:
            await site.start()
            await plain.start()
        except OSError:
            await self._runner.cleanup()
            raise
        self.port = self._runner.addresses[0][1]
        self.cloud.machine.url = f"http://{self.url_host}:{self._runner.addresses[1][1]}"
        self.cloud.sso.base_url = self.url
        self.cloud.federation.move_to(self.url)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is None or self._server is None:
            return
        transports = [connection.transport for connection in self._server.connections]
        await self._runner.cleanup()
        self._runner = None
        # a client that keeps its connection does not answer the TLS goodbye, and the loop may end before it times out
        for transport in transports:
            if transport is not None:
                # one that closed by itself meanwhile: early releases of Python 3.11 fail on a second end
                with contextlib.suppress(AttributeError):
                    transport.abort()
        await asyncio.sleep(0)

    def _make_context(self, tls: tuple[Path, Path] | None) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if tls is not None:
            context.load_cert_chain(tls[0], tls[1])
            return context
        ca = new_authority("eksauth sandbox AWS")
        self.ca_pem = ca.cert_pem
        with TemporaryDirectory() as folder:
            pair = Path(folder, "cert.pem"), Path(folder, "key.pem")
            for path, data in zip(pair, issue_server_certificate(ca, LOOPBACK_HOSTS), strict=True):
                path.touch(mode=0o600)
                path.write_bytes(data)
            context.load_cert_chain(*pair)
        return context

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            raw = await _raw(request)
        except web.HTTPRequestEntityTooLarge:
            return web.Response(status=413, text="the request body is larger than a mebibyte")
        except ValueError as error:
            return web.Response(status=400, text=str(error))
        encrypted = request.transport is not None and request.transport.get_extra_info("ssl_object") is not None
        if not encrypted and machine_operation(raw) is None:
            return web.Response(status=404, text="plain HTTP is for container credentials and metadata only")
        if raw.path.startswith(PREFIX):
            return _response(self._control.answer(raw))
        operation = name_operation(raw)[1]
        faults = {fault.kind: fault for fault in self.cloud.faults.take(operation, claimed_region(raw))}
        if latency := faults.get("latency"):
            await asyncio.sleep(latency.seconds)
        if "reset" in faults:
            self.cloud.note_unanswered(raw, "reset")
            return _cut(request)
        ordered = _as_ordered(faults)
        if operation == "AssumeRoleWithWebIdentity" and ordered is None:
            await prefetch_keys(raw, self.cloud.federation, self.cloud.iam, self._keys)
        answer = self.cloud.answer(raw, ordered)
        if "garbage" in faults:
            return web.Response(body=_GARBAGE, content_type="application/octet-stream")
        if slow := faults.get("slow"):
            return await _send_slowly(request, answer, slow.seconds)
        if "truncate" in faults:
            return await _send_truncated(request, answer)
        return _response(answer)


async def _raw(request: web.BaseRequest) -> RawRequest:
    target = request.raw_path
    if not target.startswith("/"):
        raise ValueError("the request target is a path")
    path, _, query = target.encode("utf-8", "surrogateescape").partition(b"?")
    request._client_max_size = _LARGEST_BODY  # noqa: SLF001  there is no other way in without an Application
    return RawRequest(
        method=request.method,
        path=path,
        query=query,
        headers=tuple((name.lower(), value) for name, value in request.raw_headers),
        body=await request.read(),
        source_ip=request.remote or "127.0.0.1",
    )


def _as_ordered(faults: dict[Any, OrderedFault]) -> ServiceFault | None:
    if "throttle" in faults:
        return ServiceFault("Throttling", "Rate exceeded", 400)
    if error := faults.get("error"):
        return ServiceFault(error.code, error.message, error.status)
    return None


def _response(answer: Answer) -> web.Response:
    headers = {**answer.headers, "Content-Type": answer.content_type}
    return web.Response(status=answer.status, body=answer.body, headers=headers)


def _cut(request: web.BaseRequest) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


async def _send_slowly(request: web.BaseRequest, answer: Answer, seconds: float) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.content_type})
    response.content_length = len(answer.body)
    await response.prepare(request)
    size = max(1, -(-len(answer.body) // _SLOW_PIECES))
    for start in range(0, len(answer.body), size):
        await asyncio.sleep(seconds / _SLOW_PIECES)
        await response.write(answer.body[start : start + size])
    return response


async def _send_truncated(request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.content_type})
    response.content_length = len(answer.body) + 100
    await response.prepare(request)
    await response.write(answer.body)
    if request.transport is not None:
        request.transport.close()
    return response
