"""The server: TLS on loopback, a ready file for whoever waits, and a clean end."""

from __future__ import annotations

import logging
import ssl
from types import TracebackType
from typing import Self

from aiohttp import web

from eksauth.errors import ConfigError, EksauthError
from eksauth.sandbox.apiserver.authn import Authenticator, read_token_file
from eksauth.sandbox.apiserver.config import ServerConfig
from eksauth.sandbox.apiserver.context import ApiContext, build_context
from eksauth.sandbox.apiserver.dispatch import Dispatcher
from eksauth.sandbox.apiserver.serving_files import ServingFiles, prepare_files, write_ready
from eksauth.sandbox.apiserver.webhook import TokenWebhook
from eksauth.sandbox.apiserver.webhook_config import read_webhook_config

_LOG = logging.getLogger(__name__)
_MAX_HEADER = 64 * 1024  # bearer tokens with long session tokens pass 8 KiB, aiohttp's own limit
_DRAIN_SECONDS = 2.0


class EmbeddedApiServer:
    """A Kubernetes API server inside this process.

    Use as ``async with EmbeddedApiServer(config) as server:`` and read ``server.endpoint`` and ``server.ca_path``. The
    webhook kubeconfig and the token file are read when the server starts.
    """

    def __init__(self, config: ServerConfig) -> None:
        self._config = config
        self._runner: web.AppRunner | None = None
        self._webhook: TokenWebhook | None = None
        self._context: ApiContext | None = None
        self._files: ServingFiles | None = None
        self.port = 0

    @property
    def endpoint(self) -> str:
        """Return the URL that clients use; only while the server runs."""
        host = f"[{self._config.host}]" if ":" in self._config.host else self._config.host
        return f"https://{host}:{self.port}"

    @property
    def ca_path(self) -> str:
        """Return the file with the CA that vouches for the server; empty when its pair came from outside."""
        return str(self._files.ca) if self._files is not None and self._files.ca is not None else ""

    async def start(self) -> None:
        """Listen.

        :raises ConfigError: when a file is unusable.
        :raises EksauthError: when the port is taken.
        """
        config = self._config
        tokens = read_token_file(config.token_file) if config.token_file is not None else {}
        self._files = prepare_files(config)
        if config.token_webhook_kubeconfig is not None:
            endpoint = read_webhook_config(config.token_webhook_kubeconfig)
            self._webhook = TokenWebhook(endpoint, config.webhook_options)
        authenticator = Authenticator(tokens, self._webhook, anonymous_paths=config.anonymous_paths)
        self._context = build_context(authenticator, audiences=config.api_audiences, git_version=config.git_version)
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", Dispatcher(self._context).handle)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            max_line_size=_MAX_HEADER,
            max_field_size=_MAX_HEADER,
            auto_decompress=False,
            shutdown_timeout=_DRAIN_SECONDS,
        )
        try:
            await self._runner.setup()
            site = web.TCPSite(self._runner, config.host, config.port, ssl_context=self._tls())
            await site.start()
        except OSError as error:
            await self.stop()
            raise EksauthError(
                f"cannot listen on {config.host} port {config.port}: {(error.strerror or str(error)).lower()}",
                hint="port 0 takes any free one",
                code="apiserver.listen",
            ) from error
        except BaseException:
            await self.stop()
            raise
        self.port = self._runner.addresses[0][1]
        self._context.address = self.endpoint.removeprefix("https://")
        write_ready(self.endpoint, self._files)
        _LOG.info("listening on %s", self.endpoint)

    async def stop(self) -> None:
        """End watches, finish what runs, and close everything; harmless when repeated."""
        if self._context is not None:
            self._context.controllers.stop()
            self._context.store.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        if self._webhook is not None:
            await self._webhook.close()
            self._webhook = None
        if self._files is not None:
            self._files.remove_ready()

    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.set_alpn_protocols(["http/1.1"])
        files = self._files
        if files is None:
            raise EksauthError("the server's files are not prepared")
        try:
            context.load_cert_chain(files.certificate, files.key)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"cannot use the serving certificate {files.certificate} with its key", code="apiserver.certificate"
            ) from error
        return context

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
