"""TLS as a kubeconfig asks for it: whom to trust, and which certificate to show."""

from __future__ import annotations

import base64
import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from eksauth.errors import ConfigError
from eksauth.kubeconfig.referenced import read_referenced


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """Files are absolute paths, data is base64, PEM is text; empty means not given."""

    ca_file: str = ""
    ca_data: str = field(default="", repr=False)
    insecure: bool = False
    certificate_file: str = ""
    certificate_data: str = field(default="", repr=False)
    key_file: str = ""
    key_data: str = field(default="", repr=False)
    certificate_pem: str = field(default="", repr=False)
    key_pem: str = field(default="", repr=False)


def tls_context(settings: TlsSettings) -> ssl.SSLContext:
    """Return the context for a connection.

    :raises ConfigError: when certificates or keys cannot be read.
    """
    try:
        context = ssl.create_default_context(
            cafile=settings.ca_file or None, cadata=_decoded(settings.ca_data).decode("latin-1") or None
        )
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"the cluster's CA cannot be used: {_reason(error)}",
            hint="check certificate-authority",
            code="kubernetes.ca",
        ) from None
    # Python 3.13 asks for extensions that kubeadm's and EKS's own CAs do not have; kubectl does not
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if settings.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    certificate = settings.certificate_pem.encode() or _content(settings.certificate_file, settings.certificate_data)
    key = settings.key_pem.encode() or _content(settings.key_file, settings.key_data)
    if certificate and key:
        try:
            with _private_file(certificate + b"\n" + key) as path:
                context.load_cert_chain(path, password=lambda: b"")
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"the client certificate cannot be used: {_reason(error)}",
                hint="check client-certificate and client-key",
                code="kubernetes.certificate",
            ) from None
    return context


@contextmanager
def _private_file(content: bytes) -> Iterator[str]:
    """Give a path that holds ``content``, in memory where the system can do that."""
    if hasattr(os, "memfd_create"):
        handle = os.memfd_create("eksauth", os.MFD_CLOEXEC)
        try:
            os.write(handle, content)
            yield f"/proc/self/fd/{handle}"
        finally:
            os.close(handle)
        return
    with tempfile.TemporaryDirectory(prefix="eksauth-") as directory:  # mode 0700
        path = Path(directory) / "pair.pem"
        path.write_bytes(content)
        yield str(path)


def _content(path: str, data: str) -> bytes:
    if data:
        return _decoded(data)
    if not path:
        return b""
    try:
        return read_referenced(path)
    except OSError as error:
        raise ConfigError(f"{path}: {_reason(error)}", hint="check the path", code="kubeconfig.file") from None


def _decoded(data: str) -> bytes:
    return base64.b64decode(data)


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or getattr(error, "reason", None) or error).lower()[:200]
