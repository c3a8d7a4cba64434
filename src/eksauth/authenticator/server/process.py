"""The authenticator as a process: certificate, socket, webhook kubeconfig, signals, and an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import time

from eksauth.authenticator.server import webhook_kubeconfig as kubeconfig
from eksauth.authenticator.server.cert_reload import CertificateReload
from eksauth.authenticator.server.certs import ServerCertificate, covers, load_or_make
from eksauth.authenticator.server.decision_log import LOGGER_NAME
from eksauth.authenticator.server.doors.acceptor import Acceptor
from eksauth.authenticator.server.doors.connections import BoundedServer
from eksauth.authenticator.server.doors.listening import listen
from eksauth.authenticator.server.doors.sources import Sources
from eksauth.authenticator.server.metrics import Metrics
from eksauth.authenticator.server.reviews.cache import VerificationCache
from eksauth.authenticator.server.reviews.judge import Authority, Judge
from eksauth.authenticator.server.reviews.webhook import Authorizer, Webhook
from eksauth.authenticator.server.settings import ServerSettings
from eksauth.authenticator.server.view import ProcessView, View
from eksauth.errors import ConfigError
from eksauth.files import why

_log = logging.getLogger(LOGGER_NAME)
_FLUSH_SECONDS = 0.25
"""What clients get to take a finished answer before their connections are cut; aiohttp waits twice as long."""


class AuthenticatorServer:
    """One listening server. :meth:`start` and :meth:`stop` are called once each, in one event loop.

    :param authorizer: what access policies grant; None has no opinion on anything.
    :param view: what is shown of the server; None shows this process.
    :ivar seen: this process, as it sees itself.
    """

    def __init__(
        self,
        settings: ServerSettings,
        authority: Authority,
        metrics: Metrics,
        authorizer: Authorizer | None = None,
        view: View | None = None,
    ) -> None:
        self.settings = settings
        self.metrics = metrics
        self._authority = authority
        self._authorizer = authorizer
        self.port = settings.port
        self.draining = False
        self.seen = ProcessView(settings.cluster_id, metrics)
        self.view = view or self.seen
        self.seen.draining = lambda: self.draining
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
        listener = listen(settings.address, settings.port, shared=settings.shared)
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
        webhook = Webhook(
            judge,
            self.metrics,
            settings.webhook,
            view=self.view,
            recent=self.seen.recent,
            authorizer=self._authorizer,
        )
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
        self.seen.counts = judge.cache.counts
        self.seen.scrubbed_accounts = lambda: webhook.settings.scrubbed_accounts
        self.seen.certificate = lambda: self._reload.current
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
        return await kubeconfig.renew(self.settings.kubeconfig, self.url, certificate.pem)

    async def _stop_watching(self) -> None:
        self._watch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._watch

    async def stop(self, hurry: asyncio.Event) -> None:
        """Say that the server is unready, stop accepting, finish what is under way within the grace period, and close.

        :param hurry: ends each wait.
        """
        self._hurry = hurry
        self.draining = True
        if self.settings.limits.drain_delay:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.settings.limits.drain_delay):
                    await hurry.wait()
        await self._closing.aclose()

    async def _drain(self, webhook: Webhook, connections: BoundedServer) -> None:
        connections.pre_shutdown()
        waits = {asyncio.ensure_future(webhook.drain()), asyncio.ensure_future(self._hurry.wait())}
        _, pending = await asyncio.wait(waits, timeout=self.settings.limits.grace, return_when=asyncio.FIRST_COMPLETED)
        for wait in pending:
            wait.cancel()


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
