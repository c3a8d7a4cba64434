"""A real kube-apiserver with its etcd, for comparison, where KUBEBUILDER_ASSETS names one."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.sandbox.apiserver_kit import TOKENS


def assets() -> Path | None:
    """Return the directory with kube-apiserver and etcd, or None."""
    directory = Path(os.environ.get("KUBEBUILDER_ASSETS") or "/nonexistent")
    present = all((directory / name).is_file() for name in ("kube-apiserver", "etcd"))
    return directory if present else None


def free_ports(count: int) -> list[int]:
    """Return ports that were free a moment ago."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@contextmanager
def real_api_server(directory: Path, programs: Path) -> Iterator[str]:
    """Run etcd and kube-apiserver with the kit's two users and give the endpoint."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    (directory / "sa.key").write_bytes(pem)
    (directory / "tokens.csv").write_text(TOKENS)
    client, peer, port = free_ports(3)
    urls = [f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"]
    etcd = [
        str(programs / "etcd"),
        f"--data-dir={directory / 'etcd'}",
        f"--listen-client-urls={urls[0]}",
        f"--advertise-client-urls={urls[0]}",
        f"--listen-peer-urls={urls[1]}",
        f"--initial-advertise-peer-urls={urls[1]}",
        f"--initial-cluster=default={urls[1]}",
        "--unsafe-no-fsync",
    ]
    server = [
        str(programs / "kube-apiserver"),
        f"--etcd-servers={urls[0]}",
        f"--secure-port={port}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--cert-dir={directory / 'certs'}",
        f"--service-account-key-file={directory / 'sa.key'}",
        f"--service-account-signing-key-file={directory / 'sa.key'}",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--authorization-mode=RBAC",
        f"--token-auth-file={directory / 'tokens.csv'}",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--disable-admission-plugins=ServiceAccount",
        "--endpoint-reconciler-type=none",
    ]
    children = []
    try:
        for command in (etcd, server):
            with (directory / f"{Path(command[0]).name}.log").open("wb") as log:
                children.append(subprocess.Popen(command, stdout=log, stderr=log))
        endpoint = f"https://127.0.0.1:{port}"
        _wait(endpoint, children)
        yield endpoint
    finally:
        for child in reversed(children):
            child.terminate()
            try:
                child.wait(30)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _wait(endpoint: str, children: list[subprocess.Popen[bytes]]) -> None:
    context = ssl._create_unverified_context()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        assert all(child.poll() is None for child in children), "a program of the real API server ended"
        try:
            with opener.open(f"{endpoint}/readyz", timeout=2) as response:
                if response.status == 200:
                    return
        except OSError:
            time.sleep(0.3)
    raise AssertionError("the real API server did not become ready")
