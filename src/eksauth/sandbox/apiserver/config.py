"""What the API server is told: one frozen value, from a JSON or YAML file or from code."""

from __future__ import annotations

from pathlib import Path

import msgspec

from eksauth.errors import ConfigError
from eksauth.sandbox.apiserver.webhook import WebhookOptions


class ServerConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Settings of one API server.

    ``state_dir`` gets the CA (``ca.crt``), the serving pair and ``ready.json`` (endpoint, CA path, process id).
    ``port`` 0 means any free one. ``anonymous_paths`` None lets RBAC judge anonymous requests everywhere; a list limits
    them to those paths and an empty one refuses them all. Times are seconds. With a serving pair of its own
    (``tls_cert_file`` and ``tls_private_key_file``) the server makes no CA.
    """

    state_dir: Path
    host: str = "127.0.0.1"
    port: int = 0
    token_webhook_kubeconfig: Path | None = None
    token_webhook_version: str = "v1"
    token_webhook_cache_seconds: float = 120.0
    token_file: Path | None = None
    api_audiences: tuple[str, ...] = ("https://kubernetes.default.svc",)
    anonymous_paths: tuple[str, ...] | None = None
    git_version: str = "v1.33.0"
    ready_file: Path | None = None
    tls_cert_file: Path | None = None
    tls_private_key_file: Path | None = None

    def __post_init__(self) -> None:
        """Refuse values that cannot work.

        :raises ConfigError: naming the setting.
        """
        if not 0 <= self.port <= 65535:
            raise ConfigError(f"port {self.port} is not between 0 and 65535")
        if self.token_webhook_version not in ("v1", "v1beta1"):
            raise ConfigError(f"tokenWebhookVersion {self.token_webhook_version!r} is not v1 or v1beta1")
        if (self.tls_cert_file is None) != (self.tls_private_key_file is None):
            raise ConfigError("tlsCertFile and tlsPrivateKeyFile belong together")
        if self.token_webhook_cache_seconds < 0:
            raise ConfigError("tokenWebhookCacheSeconds is negative")
        if self.host not in ("127.0.0.1", "::1", "localhost"):
            raise ConfigError(
                f"the sandbox API server does not listen on {self.host}", hint="it serves loopback addresses only"
            )

    @property
    def webhook_options(self) -> WebhookOptions:
        """Return the part that concerns the token webhook."""
        return WebhookOptions(
            version=self.token_webhook_version,
            audiences=self.api_audiences,
            cache_seconds=self.token_webhook_cache_seconds,
        )


def load_config(path: Path) -> ServerConfig:
    """Read a configuration file (JSON or YAML, camelCase keys); relative paths count from its directory.

    :raises ConfigError: when it cannot be read, or a key is unknown, missing or of the wrong type.
    """
    try:
        config = msgspec.yaml.decode(path.read_bytes(), type=ServerConfig, dec_hook=_path, strict=True)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {(error.strerror or 'unreadable').lower()}") from error
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{path}: {str(error)[:1].lower()}{str(error)[1:]}", code="apiserver.config") from error
    base = path.absolute().parent
    names = (
        "state_dir",
        "token_webhook_kubeconfig",
        "token_file",
        "ready_file",
        "tls_cert_file",
        "tls_private_key_file",
    )
    anchored = {name: base / value for name in names if (value := getattr(config, name)) is not None}
    return msgspec.structs.replace(config, **anchored)


def _path(wanted: type, value: object) -> object:
    if wanted is Path and isinstance(value, str):
        return Path(value)
    raise NotImplementedError(f"{wanted}")
