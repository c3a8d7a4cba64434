"""The kubeconfig that tells an API server where its webhook authenticator is and which certificate to trust.

Same shape as aws-iam-authenticator writes it, with ``apiVersion`` and ``kind`` added so that every reader knows it for
a kubeconfig. It holds no secret, and the API server may run as another user: mode 0644.
"""

from __future__ import annotations

import asyncio
import logging
from base64 import b64encode
from pathlib import Path

import yaml

from eksauth.authenticator.server.decision_log import LOGGER_NAME
from eksauth.errors import ConfigError
from eksauth.files import why, write_whole

_log = logging.getLogger(LOGGER_NAME)


def server_url(host: str, port: int) -> str:
    """Return the URL that API servers post TokenReviews to; IPv6 addresses are bracketed."""
    return f"https://{f'[{host}]' if ':' in host else host}:{port}/authenticate"


def render(url: str, certificate_pem: bytes) -> bytes:
    """Return the webhook kubeconfig for a server at ``url`` whose certificate is ``certificate_pem``."""
    cluster = {"certificate-authority-data": b64encode(certificate_pem).decode(), "server": url}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "aws-iam-authenticator", "cluster": cluster}],
        "users": [{"name": "apiserver"}],
        "contexts": [{"name": "webhook", "context": {"cluster": "aws-iam-authenticator", "user": "apiserver"}}],
        "current-context": "webhook",
    }
    text: str = yaml.safe_dump(document, sort_keys=False, width=10**6)
    return text.encode()


def write(path: Path, content: bytes) -> bool:
    """Put the kubeconfig in place, and its directory when missing; return False when it was there already.

    :raises ConfigError: when it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file() and path.read_bytes() == content:
            return False
        write_whole(path, content, 0o644, follow=True)
    except OSError as error:
        raise ConfigError(
            f"cannot write the webhook kubeconfig {path}: {why(error)}",
            hint="choose a path that this user may write to with --generate-kubeconfig, "
            "or write it yourself and pass --kubeconfig-pregenerated",
            code="config.kubeconfig",
        ) from None
    return True


async def renew(path: Path | None, url: str, certificate_pem: bytes) -> bool:
    """Write the webhook kubeconfig of a server that is running; a failure is logged, and False.

    :param path: None writes none.
    """
    if path is None:
        return True
    try:
        await asyncio.to_thread(write, path, render(url, certificate_pem))
    except ConfigError as error:
        _log.warning("webhook kubeconfig", extra={"fields": {"warning": error.message}})
        return False
    return True
