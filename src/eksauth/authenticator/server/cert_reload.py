"""A certificate that is renewed on disk takes effect without a restart, for connections made from then on."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable

from eksauth.authenticator.backends.files.file_watch import signature_of, watch_file
from eksauth.authenticator.server.certs import ServerCertificate, load_existing
from eksauth.authenticator.server.decision_log import LOGGER_NAME
from eksauth.errors import ConfigError

_log = logging.getLogger(LOGGER_NAME)
_TELL_AGAIN_SECONDS = 60.0


class CertificateReload:
    """Watches a pair of files and puts what is in them into a TLS context that is in use.

    :param changed: told of each new certificate, so that API servers can be told which one to trust; while it returns
        False it is told again.
    """

    def __init__(
        self,
        certificate: ServerCertificate,
        context: ssl.SSLContext,
        *,
        clock: Callable[[], float],
        changed: Callable[[ServerCertificate], Awaitable[bool]],
    ) -> None:
        self.current = certificate
        self._context = context
        self._clock = clock
        self._changed = changed
        self._seen = signature_of(certificate.certificate_path)
        self._told = True

    async def watch(self) -> None:
        """Go on until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(watch_file(self.current.certificate_path, self.reload, seen=self._seen))
            group.create_task(self._tell_again())

    async def reload(self) -> None:
        """Take the pair that is there now; one that does not work changes nothing."""
        current = self.current
        for last in (False, True):
            try:
                newer = await asyncio.to_thread(
                    load_existing, current.certificate_path, current.key_path, self._clock()
                )
                break
            except ConfigError as error:
                if last:
                    _log.warning("certificate", extra={"fields": {"warning": f"not used: {error.message}"}})
                    return
                # the key may arrive a moment after the certificate
                await asyncio.sleep(1)
        else:  # pragma: no cover  the loop always leaves by one of its ends
            return
        if newer.pem == current.pem:
            await self._tell_if_late()
            return
        try:
            self._context.load_cert_chain(newer.certificate_path, newer.key_path)
        except (ssl.SSLError, OSError) as error:
            _log.warning("certificate", extra={"fields": {"warning": f"not used: {type(error).__name__}"}})
            return
        self.current = newer
        _log.info("certificate", extra={"fields": {"detail": "a new certificate is in use"}})
        self._told = await self._changed(newer)

    async def _tell_if_late(self) -> None:
        if not self._told:
            self._told = await self._changed(self.current)

    async def _tell_again(self) -> None:
        while True:
            await asyncio.sleep(_TELL_AGAIN_SECONDS)
            await self._tell_if_late()
