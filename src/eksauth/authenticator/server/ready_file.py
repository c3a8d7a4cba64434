"""A file that says where a server listens, for whoever started it."""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Mapping

from eksauth.authenticator.server.certs import ServerCertificate
from eksauth.authenticator.server.decision_log import LOGGER_NAME
from eksauth.authenticator.server.settings import ServerSettings
from eksauth.errors import ConfigError
from eksauth.files import why, write_whole

_log = logging.getLogger(LOGGER_NAME)


def announce(
    settings: ServerSettings, certificate: ServerCertificate, url: str, port: int, more: Mapping[str, object]
) -> None:
    """Log where the server listens, and write the ready file when one is wanted.

    :param more: further facts.
    :raises ConfigError: when it cannot be written.
    """
    facts = {
        "address": settings.address,
        "port": port,
        "url": url,
        "kubeconfig": str(settings.kubeconfig.absolute()) if settings.kubeconfig else None,
        "certificate": str(certificate.certificate_path.absolute()),
        **more,
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


def take_away(settings: ServerSettings) -> None:
    """Remove the ready file."""
    if settings.ready_file is not None:
        with contextlib.suppress(OSError):
            settings.ready_file.unlink()
