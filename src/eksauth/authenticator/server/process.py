"""The authenticator as a process: certificate, socket, webhook kubeconfig, signals, and an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import logging
import os
import signal
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from eksauth.authenticator.server import webhook_kubeconfig as kubeconfig
from eksauth.authenticator.server.acceptor import Acceptor
from eksauth.authenticator.server.cache import VerificationCache
from eksauth.authenticator.server.cert_reload import CertificateReload
from eksauth.authenticator.server.certs import ServerCertificate, covers, load_or_make
from eksauth.authenticator.server.connections import BoundedServer
from eksauth.authenticator.server.decision_log import LOGGER_NAME
from eksauth.authenticator.server.judge import Authority, Judge
from eksauth.authenticator.server.metrics import Metrics
from eksauth.authenticator.server.settings import ServerSettings
from eksauth.authenticator.server.sources import Sources
from eksauth.authenticator.server.webhook import Authorizer, Webhook
from eksauth.errors import ConfigError
from eksauth.files import why, write_whole

_log = logging.getLogger(LOGGER_NAME)
_FLUSH_SECONDS = 0.25
"""What clients get to take a finished answer before their connections are cut; aiohttp waits twice as long."""


class AuthenticatorServer:
    """One listening server. :meth:`start` and :meth:`stop` are called once each, in one event loop.

    :param authorizer: what access policies grant; None has no opinion on anything.
    """

    def __init__(
        self, settings: ServerSettings, authority: Authority, metrics: Metrics, authorizer: Authorizer | None = None
    ) -> None:
        self.settings = settings
        self.metrics = metrics
        self._authority = authority
        self._authorizer = authorizer
        self.port = settings.port
        self._closing = contextlib.AsyncExitStack()
        self._hurry = asyncio.Event()

    @property
    def url(self) -> str:
        """Where API servers post; the actual port once started."""
        return kubeconfig.server_url(self.settings.hostname, self.port)

    async def start(self, now: float) -> ServerCertificate:
        """Listen, and tell API servers where.

        :param now: epoch seconds, for the certificate.
        :raises ConfigError: when certificate, address or kubeconfig cannot be had; nothing is left open then.
        """
        settings, limits = self.settings, self.settings.limits
        names = (settings.address, settings.hostname)
        certificate = await asyncio.to_thread(load_or_make, settings.state_dir, names, now)
        if not covers(certificate.pem, settings.hostname):
            _log.warning("the certificate does not name the host", extra={"fields": {"hostname": settings.hostname}})
        context = tls_context(certificate)
        listener = listen(settings.address, settings.port)
        self.port = listener.getsockname()[1]
        cache = settings.cache
        sources = Sources(
            at_once=limits.verifications_per_source,
            per_second=limits.rate_per_source,
            connections=limits.connections_per_source,
        )
        judge = Judge(
            self._authority,
            VerificationCache(
                ttl=cache.ttl, negative_ttl=cache.negative_ttl, size=cache.size, negative_size=cache.negative_size
            ),
            cluster_id=settings.cluster_id,
            max_verifications=limits.verifications,
            time_limit=limits.decision,
            sources=sources,
        )
        webhook = Webhook(judge, self.metrics, settings.webhook, self._authorizer)
        connections = BoundedServer(
            webhook,
            self.metrics,
            max_connections=limits.connections,
            header_timeout=limits.headers,
            idle_timeout=limits.idle,
            body_bytes=settings.webhook.body_bytes,
            short_way=webhook.recall,
            lost=sources.disconnect,
        )
        acceptor = Acceptor(
            listener,
            connections,
            context,
            self.metrics,
            sources,
            handshakes=limits.handshakes,
            handshake_timeout=limits.handshake,
        )
        try:
            if settings.kubeconfig is not None:
                content = kubeconfig.render(self.url, certificate.pem)
                await asyncio.to_thread(kubeconfig.write, settings.kubeconfig, content)
            acceptor.start()
        except BaseException:
            listener.close()
            raise
        self.webhook = webhook
        self._reload = CertificateReload(certificate, context, clock=time.time, changed=self._tell_api_servers)
        self._watch = asyncio.create_task(self._reload.watch(), name="watch certificate")
        self._closing.push_async_callback(judge.close)
        self._closing.push_async_callback(self._stop_watching)
        self._closing.push_async_callback(connections.shutdown, _FLUSH_SECONDS)
        self._closing.push_async_callback(self._drain, webhook, connections)
        self._closing.push_async_callback(acceptor.close)
        return certificate

    async def reload(self) -> None:
        """Take the certificate that is on disk now."""
        await self._reload.reload()

    async def _tell_api_servers(self, certificate: ServerCertificate) -> bool:
        if self.settings.kubeconfig is None:
            return True
        content = kubeconfig.render(self.url, certificate.pem)
        try:
            await asyncio.to_thread(kubeconfig.write, self.settings.kubeconfig, content)
        except ConfigError as error:
            _log.warning("webhook kubeconfig", extra={"fields": {"warning": error.message}})
            return False
        return True

    async def _stop_watching(self) -> None:
        self._watch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._watch

    async def stop(self, hurry: asyncio.Event) -> None:
        """Stop accepting, finish what is under way within the grace period, and close; ``hurry`` ends the grace."""
        self._hurry = hurry
        await self._closing.aclose()

    async def _drain(self, webhook: Webhook, connections: BoundedServer) -> None:
        connections.pre_shutdown()
        waits = {asyncio.ensure_future(webhook.drain()), asyncio.ensure_future(self._hurry.wait())}
        _, pending = await asyncio.wait(waits, timeout=self.settings.limits.grace, return_when=asyncio.FIRST_COMPLETED)
        for wait in pending:
            wait.cancel()


async def run(server: AuthenticatorServer, reload: Callable[[], Awaitable[None]]) -> int:
    """Serve until SIGTERM or SIGINT and return the exit code.

    The first signal drains; a second one cuts what is left and gives 128 plus its number. SIGHUP reloads.

    :param reload: reads configuration and mappings again.
    """
    settings = server.settings
    loop = asyncio.get_running_loop()
    stopping, hurry = asyncio.Event(), asyncio.Event()
    received: list[int] = []

    def on_signal(number: int) -> None:
        (hurry if received else stopping).set()
        received.append(number)

    reloads: set[asyncio.Task[None]] = set()

    async def reload_all() -> None:
        _log.info("reloading", extra={"fields": {"signal": "SIGHUP"}})
        await reload()
        await server.reload()

    def on_hangup() -> None:
        task = asyncio.ensure_future(reload_all())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)
    # one that was killed left its file behind
    _take_away(settings.ready_file)
    try:
        certificate = await server.start(time.time())
        loop.add_signal_handler(signal.SIGHUP, on_hangup)
        announce(server, certificate)
        await stopping.wait()
        _log.info("stopping", extra={"fields": {"signal": signal.Signals(received[0]).name}})
    finally:
        _take_away(settings.ready_file)
        for task in reloads:
            task.cancel()
        await server.stop(hurry)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.remove_signal_handler(number)
    _log.info("stopped")
    return 128 + received[1] if hurry.is_set() else 0


def _take_away(ready_file: Path | None) -> None:
    if ready_file is not None:
        with contextlib.suppress(OSError):
            ready_file.unlink()


def announce(server: AuthenticatorServer, certificate: ServerCertificate) -> None:
    """Log where the server listens, and write the ready file when one is wanted.

    :raises ConfigError: when it cannot be written.
    """
    settings = server.settings
    facts = {
        "address": settings.address,
        "port": server.port,
        "url": server.url,
        "kubeconfig": str(settings.kubeconfig.absolute()) if settings.kubeconfig else None,
        "certificate": str(certificate.certificate_path.absolute()),
    }
    _log.info(
        "listening", extra={"fields": facts | {"cluster": settings.cluster_id, "new_certificate": certificate.made}}
    )
    if settings.ready_file is None:
        return
    try:
        write_whole(settings.ready_file, json.dumps({"pid": os.getpid()} | facts).encode() + b"\n", 0o600)
    except OSError as error:
        raise ConfigError(f"cannot write the ready file {settings.ready_file}: {why(error)}") from None


def tls_context(certificate: ServerCertificate) -> ssl.SSLContext:
    """Return the TLS side of the server: TLS 1.2 and later, HTTP/1.1."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate.certificate_path, certificate.key_path)
    except (ssl.SSLError, OSError) as error:
        raise ConfigError(
            f"cannot use {certificate.certificate_path}: {why(error)}", code="config.certificate"
        ) from None
    return context


def listen(address: str, port: int) -> socket.socket:
    """Return a listening socket; ``::`` takes IPv4 as well where the system can do that.

    :raises ConfigError: when the address cannot be had.
    """
    if not 0 <= port <= 65535:
        raise ConfigError(f"cannot listen on {address} port {port}: no such port", hint="ports are 0 to 65535")
    try:
        family, _, _, _, where = socket.getaddrinfo(
            address or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        both = family == socket.AF_INET6 and where[0] == "::" and socket.has_dualstack_ipv6()
        return socket.create_server((str(where[0]), port), family=family, backlog=1024, dualstack_ipv6=both)
    except OSError as error:
        in_use = error.errno == errno.EADDRINUSE
        reason = "it is in use" if in_use else why(error)
        hint = "stop what listens there, or choose another port with --port (0 takes a free one)"
        raise ConfigError(
            f"cannot listen on {address} port {port}: {reason}",
            hint=hint if in_use else "choose another with --address and --port",
            code="config.listen",
        ) from None
