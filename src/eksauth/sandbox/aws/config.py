"""The configuration file of ``python -m eksauth.sandbox.aws``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from eksauth.errors import ConfigError
from eksauth.sandbox.aws.clusters import Cluster


class Tls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Paths of a PEM certificate (chain) and its private key."""

    cert: str
    key: str


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the process needs to know.

    :param listen: loopback address and port; port 0 takes a free one.
    :param ready_file: written when the endpoint answers: ``{"pid": …, "url": …, "host": …, "port": …}``.
    :param control_token: what the control API asks for; a random one is useless to others, so it is required.
    :param trusted_authorities: PEM files of authorities whose OpenID Connect issuers STS believes.
    :param seed_file: where the seed description goes, mode 0600; the control API has it as well.
    """

    control_token: str
    listen: str = "127.0.0.1:0"
    ready_file: str | None = None
    tls: Tls
    seed: Literal["default", "none"] = "default"
    seed_file: str | None = None
    clusters: list[Cluster] = []
    trusted_authorities: list[str] = []

    def __post_init__(self) -> None:
        if len(self.control_token) < 16:
            raise ValueError("control_token needs at least 16 characters")
        split_listen(self.listen)


def split_listen(listen: str) -> tuple[str, int]:
    """Return (host, port) of ``127.0.0.1:0`` or ``[::1]:0``.

    :raises ValueError: for anything that is not a loopback address and a port.
    """
    host, colon, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or host not in {"127.0.0.1", "::1", "localhost"} or not port.isdigit() or int(port) > 65535:
        raise ValueError("listen is a loopback address with a port, such as 127.0.0.1:0")
    return host, int(port)


def read_config(path: Path) -> Config:
    """Read the configuration file.

    :raises ConfigError: when it cannot be read or says something that it may not.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Config)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except (msgspec.DecodeError, ValueError) as error:
        raise ConfigError(f"{path}: {error}", hint="see the reference page of the sandbox's AWS endpoint") from error
