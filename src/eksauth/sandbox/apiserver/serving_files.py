"""The files of a server: its certificate, and the ready file that says where it listens."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from eksauth.errors import ConfigError
from eksauth.files import write_whole
from eksauth.sandbox.apiserver.config import ServerConfig
from eksauth.sandbox.pki import LOOPBACK_HOSTS, CertificateAuthority, issue_server_certificate, new_authority


@dataclass(frozen=True, slots=True)
class ServingFiles:
    """Where things are; ``ca`` is None when the serving pair came from outside."""

    certificate: Path
    key: Path
    ca: Path | None
    ready: Path

    def remove_ready(self) -> None:
        """Take the ready file away if it is still ours."""
        try:
            if json.loads(self.ready.read_bytes()).get("pid") == os.getpid():
                self.ready.unlink(missing_ok=True)
        except (OSError, ValueError, AttributeError):
            pass


def prepare_files(config: ServerConfig) -> ServingFiles:
    """Make the state directory and a serving pair; a CA that is already there is kept, so that clients stay valid.

    :raises ConfigError: when the directory cannot be written.
    """
    directory = config.state_dir
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        ready = config.ready_file or directory / "ready.json"
        ready.unlink(missing_ok=True)
        if config.tls_cert_file is not None and config.tls_private_key_file is not None:
            return ServingFiles(config.tls_cert_file, config.tls_private_key_file, None, ready)
        authority = _authority(directory)
        certificate, key = issue_server_certificate(authority, LOOPBACK_HOSTS)
        files = ServingFiles(directory / "apiserver.crt", directory / "apiserver.key", directory / "ca.crt", ready)
        write_whole(files.certificate, certificate, 0o644)
        write_whole(files.key, key, 0o600)
    except OSError as error:
        raise ConfigError(
            f"cannot write to {directory}: {(error.strerror or str(error)).lower()}", code="apiserver.state_dir"
        ) from error
    return files


def write_ready(endpoint: str, files: ServingFiles) -> None:
    """Say where the server listens: endpoint, CA file and process id, whole or not at all."""
    document = {"endpoint": endpoint, "ca": str(files.ca) if files.ca else "", "pid": os.getpid()}
    try:
        write_whole(files.ready, json.dumps(document).encode() + b"\n", 0o644)
    except OSError as error:
        raise ConfigError(
            f"cannot write {files.ready}: {(error.strerror or str(error)).lower()}", code="apiserver.ready_file"
        ) from error


def _authority(directory: Path) -> CertificateAuthority:
    certificate, key = directory / "ca.crt", directory / "ca.key"
    try:
        known = CertificateAuthority(certificate.read_bytes(), key.read_bytes())
        issue_server_certificate(known, LOOPBACK_HOSTS)  # proves that both parse and belong to each other's kind
    except (OSError, ValueError, TypeError):
        known = new_authority("eksauth sandbox cluster")
        write_whole(key, known.key_pem, 0o600)
        write_whole(certificate, known.cert_pem, 0o644)
    return known
