"""What a sandbox is made of right now: one JSON file, written whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from eksauth.errors import ConfigError
from eksauth.files import write_whole

State = Literal["starting", "ready", "failed", "stopped"]


class Component(msgspec.Struct, frozen=True, kw_only=True):
    """One process of the sandbox."""

    name: str
    pid: int
    mark: str
    log: str
    url: str = ""


class Cluster(msgspec.Struct, frozen=True, kw_only=True):
    """One Kubernetes cluster of the sandbox, as a client sees it."""

    name: str
    region: str
    endpoint: str
    ca_pem: str
    flavour: Literal["embedded", "kube-apiserver"]
    server_config: str
    mapping_generation: int = 0
    """Counts how often the authenticator took a new server configuration."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The whole sandbox. Holds no secret: keys are in the files it names."""

    version: int = 1
    state: State = "starting"
    message: str = ""
    supervisor_pid: int = 0
    supervisor_mark: str = ""
    aws_endpoint: str = ""
    account: str = ""
    components: tuple[Component, ...] = ()
    clusters: tuple[Cluster, ...] = ()


def read_manifest(path: Path) -> Manifest | None:
    """Return the manifest, or None when there is none.

    :raises ConfigError: when the file is damaged.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        reason = error.strerror.lower() if isinstance(error, OSError) and error.strerror else str(error)
        raise ConfigError(
            f"cannot read {path}: {reason}",
            hint="'eksauth sandbox down' clears it away",
            code="sandbox.damaged_manifest",
        ) from error


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Replace the manifest."""
    write_whole(path, msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n", 0o600)
