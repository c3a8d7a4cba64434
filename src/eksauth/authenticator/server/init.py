"""``eksauth server init``: the certificate and the webhook kubeconfig, before the first start.

For whoever has to hand the kubeconfig to an API server that starts before the authenticator.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from eksauth.authenticator.config import ServerConfig
from eksauth.authenticator.server import webhook_kubeconfig
from eksauth.authenticator.server.certs import ServerCertificate, load_or_make


@dataclass(frozen=True, slots=True)
class Initialised:
    """What there is now.

    :ivar kubeconfig: None when none was wanted.
    """

    certificate: ServerCertificate
    kubeconfig: Path | None
    url: str


def initialise(config: ServerConfig, now: float) -> Initialised:
    """Make what is missing; a certificate that is there stays.

    :param now: epoch seconds.
    :raises ConfigError: when a directory or file cannot be used.
    """
    certificate = load_or_make(config.state_dir, (config.address, config.hostname), now)
    url = webhook_kubeconfig.server_url(config.hostname, config.port)
    path = None if config.kubeconfig_pregenerated else config.generate_kubeconfig
    if path is not None:
        webhook_kubeconfig.write(path, webhook_kubeconfig.render(url, certificate.pem))
    return Initialised(certificate, path, url)
