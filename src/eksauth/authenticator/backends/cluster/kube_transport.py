"""The credentials of a target, as a transport below lightkube's client.

Lightkube reads kubeconfigs itself, but takes neither plugins of ``client.authentication.k8s.io/v1`` nor server names
and proxies, writes private keys to temporary files, and on Python 3.13 refuses the certificates of kubeadm.
"""

from __future__ import annotations

import asyncio
import socket
from urllib.parse import urlsplit

import httpx2

from eksauth import __version__
from eksauth.errors import ConfigError
from eksauth.kube.connection import proxy_of
from eksauth.kube.credentials import Headers, TargetCredentials
from eksauth.kube.target import Target


def _keepalive() -> list[tuple[int, int, int]]:
    """Return what notices within a minute or so that the other side of a silent watch is gone."""
    wanted = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))
    options = [(socket.IPPROTO_TCP, getattr(socket, name), value) for name, value in wanted if hasattr(socket, name)]
    return [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), *options]


class TargetTransport(httpx2.AsyncBaseTransport):
    """Sends requests with a target's credentials, and once more with new ones when they are refused."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, credentials: TargetCredentials, server_name: str) -> None:
        self._inner = inner
        self._credentials = credentials
        self._server_name = server_name

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request."""
        if self._server_name:
            request.extensions = {**request.extensions, "sni_hostname": self._server_name}
        plain = [(name, value) for name, value in request.headers.multi_items() if name.lower() != "user-agent"]
        request.headers = await self._with_credentials(plain)
        response = await self._inner.handle_async_request(request)
        if response.status_code != 401:
            return response
        await response.aclose()
        self._credentials.forget()
        request.headers = await self._with_credentials(plain)
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._inner.aclose()

    async def _with_credentials(self, plain: Headers) -> httpx2.Headers:
        # a plugin is a program, and files may be on a slow disk
        own = await asyncio.to_thread(self._credentials.headers)
        return httpx2.Headers([*plain, ("User-Agent", f"eksauth/{__version__}"), *own])


def transport_for(target: Target) -> TargetTransport:
    """Return the transport; reads files and may run a plugin, so call it in a thread.

    :raises ConfigError: for an address, proxy or certificate that cannot be used.
    :raises CredentialsError: when the plugin gives nothing.
    """
    try:
        url = urlsplit(target.cluster.server)
        usable = url.scheme in {"https", "http"} and bool(url.hostname) and (url.port or 1) > 0
    except ValueError:
        usable, url = False, urlsplit("")
    if not usable:
        raise ConfigError("the server of the cluster is no address", hint="check server in the kubeconfig, or --master")
    credentials = TargetCredentials(target, encrypted=url.scheme == "https")
    proxy = proxy_of(target.cluster.proxy_url, url, target.environ)
    inner = httpx2.AsyncHTTPTransport(
        verify=credentials.tls(),
        trust_env=False,
        proxy=httpx2.Proxy(proxy.geturl()) if proxy is not None else None,
        socket_options=_keepalive(),
    )
    return TargetTransport(inner, credentials, target.cluster.tls_server_name)
