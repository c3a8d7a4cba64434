"""The sandbox's strict AWS, reachable under the real STS host names through a loopback CONNECT proxy.

Programs that honour HTTPS_PROXY and SSL_CERT_FILE (Go's, and ours) talk to it as if it were AWS; nothing else is let
through, so that no test ever reaches outside.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

from eksauth.aws.partitions import PARTITIONS, sts_host
from eksauth.sandbox.aws.cloud import Cloud
from eksauth.sandbox.aws.endpoint import AwsEndpoint
from eksauth.sandbox.aws.seed import ACCOUNT, Seed
from eksauth.sandbox.pki import issue_server_certificate, new_authority

STS_HOSTS = (
    "sts.amazonaws.com",
    *(
        sts_host(region, fips=fips, dual_stack=dual)
        for partition in PARTITIONS
        for region in sorted(partition.regions)
        for fips in (False, True)
        for dual in (False, True)
    ),
)
"""Every STS host name that the SDKs know."""


class ConnectProxy:
    """An HTTP proxy that tunnels ``CONNECT sts….:443`` to one loopback port and refuses everything else.

    :param upstream: host and port that every tunnel ends at, whatever host was asked for.
    """

    def __init__(self, upstream: tuple[str, int]) -> None:
        self._upstream = upstream
        self._server: asyncio.Server | None = None
        self._tunnels: set[asyncio.Task[None]] = set()
        self.port = 0
        self.tunnelled: list[str] = []
        self.refused: list[str] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for tunnel in self._tunnels:
            tunnel.cancel()
        await asyncio.gather(*self._tunnels, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tunnels.add(task)
        try:
            await self._tunnel(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass  # only the end of the test cancels
        finally:
            self._tunnels.discard(task)
            writer.close()

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, _, rest = head.partition(b" ")
        target = rest.partition(b" ")[0].decode("latin-1")
        host, _, port = target.rpartition(":")
        if method != b"CONNECT" or port != "443" or not host.startswith(("sts.", "sts-fips.")):
            self.refused.append(target)
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            return
        self.tunnelled.append(host)
        far_reader, far_writer = await asyncio.open_connection(*self._upstream)
        try:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        finally:
            far_writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


class VouchingSts:
    """An STS that vouches for one role session whatever it is asked, so that only an authenticator's own rules count."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(_VOUCHED), _VOUCHED))
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass  # only the end of the test cancels
        finally:
            self._connections.discard(task)
            writer.close()


_VOUCHED = json.dumps(
    {
        "GetCallerIdentityResponse": {
            "GetCallerIdentityResult": {
                "Account": ACCOUNT,
                "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/EksAdmin/ann",
                "UserId": "AROAEXAMPLEEXAMPLE000:ann",
            }
        }
    }
).encode()


class LoopbackAws:
    """A running STS and the proxy in front of it, in a thread with an event loop of their own.

    :param environ: what a program needs in its environment to take this for AWS.
    """

    def __init__(self, proxy: ConnectProxy, ca_file: Path, endpoint: AwsEndpoint | None) -> None:
        self.proxy = proxy
        self.ca_file = ca_file
        self._endpoint = endpoint

    @property
    def endpoint(self) -> AwsEndpoint:
        """The strict AWS endpoint."""
        assert self._endpoint is not None, "this STS vouches for everybody"
        return self._endpoint

    @property
    def cloud(self) -> Cloud:
        """The state behind the endpoint."""
        return self.endpoint.cloud

    @property
    def seed(self) -> Seed:
        """The users and roles that it starts with."""
        assert self.endpoint.seed is not None
        return self.endpoint.seed

    @property
    def environ(self) -> dict[str, str]:
        """Variables that make a program take this for AWS."""
        return {
            "HTTPS_PROXY": f"http://127.0.0.1:{self.proxy.port}",
            "SSL_CERT_FILE": str(self.ca_file),
            "AWS_CA_BUNDLE": str(self.ca_file),
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_REGION": "us-west-2",
        }


@contextlib.contextmanager
def loopback_aws(directory: Path, extra_hosts: Sequence[str] = (), *, strict: bool = True) -> Iterator[LoopbackAws]:
    """Run AWS on loopback.

    :param extra_hosts: further names that its certificate is good for.
    :param strict: False runs an STS that vouches for everybody.
    """
    directory.mkdir(parents=True, exist_ok=True)
    authority = new_authority("tests of eksauth")
    certificate, key = issue_server_certificate(authority, [*STS_HOSTS, *extra_hosts, "127.0.0.1", "localhost"])
    ca_file, cert_file, key_file = (directory / name for name in ("ca.pem", "cert.pem", "key.pem"))
    ca_file.write_bytes(authority.cert_pem)
    cert_file.write_bytes(certificate)
    key_file.write_bytes(key)
    server: AwsEndpoint | VouchingSts
    if strict:
        server = AwsEndpoint(tls=(cert_file, key_file))
    else:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(cert_file, key_file)
        server = VouchingSts(tls)
    proxies: list[ConnectProxy] = []
    up, down = threading.Event(), threading.Event()

    async def serve() -> None:
        async with server, ConnectProxy(("127.0.0.1", server.port)) as proxy:
            proxies.append(proxy)
            up.set()
            await asyncio.to_thread(down.wait)

    def run() -> None:
        try:
            asyncio.run(serve())
        finally:
            up.set()

    thread = threading.Thread(target=run, name="loopback-aws")
    thread.start()
    try:
        up.wait()
        assert proxies, "AWS on loopback did not start"
        yield LoopbackAws(proxies[0], ca_file, server if isinstance(server, AwsEndpoint) else None)
    finally:
        down.set()
        thread.join()
