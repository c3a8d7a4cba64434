"""A real etcd and kube-apiserver for tests: the files they need, their flags, and how to end them."""

from __future__ import annotations

import contextlib
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterable, Iterator
from pathlib import Path

import trustme
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from eksauth.sandbox.binaries import ControlPlane
from eksauth.sandbox.readiness import free_port

ROOT = "root-token"


def files(directory: Path, *users: str) -> ssl.SSLContext:
    """Write certificates, the key of service accounts, and tokens; return what trusts the certificate of the server.

    :param users: lines of the token file besides the one of :data:`ROOT`, who is in system:masters.
    """
    authority = trustme.CA()
    pair = authority.issue_cert("localhost", "127.0.0.1")
    authority.cert_pem.write_to_path(directory / "ca.pem")
    pair.cert_chain_pems[0].write_to_path(directory / "server.pem")
    pair.private_key_pem.write_to_path(directory / "server-key.pem")
    client = authority.issue_cert("client.invalid", common_name="direct", organization_name="system:masters")
    client.private_key_and_cert_chain_pem.write_to_path(directory / "client.pem")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (directory / "sa.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
    )
    lines = [f'{ROOT},root,0,"system:masters"', *users]
    (directory / "tokens.csv").write_text("\n".join(lines) + "\n")
    return ssl.create_default_context(cafile=str(directory / "ca.pem"))


def write_kubeconfig(path: Path, url: str, token: str) -> Path:
    """Write a kubeconfig for the holder of a token, beside the certificate of the authority, and return its path."""
    authority = str(path.parent / "ca.pem")
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "one",
        "clusters": [{"name": "c", "cluster": {"server": url, "certificate-authority": authority}}],
        "contexts": [{"name": "one", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {"token": token}}],
    }
    path.write_text(yaml.safe_dump(document))
    return path


@contextlib.contextmanager
def process(log: Path, command: Iterable[object]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the end of the block."""
    with log.open("ab") as stream:
        child = subprocess.Popen([str(part) for part in command], stdout=stream, stderr=stream)
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


@contextlib.contextmanager
def running_etcd(directory: Path, programs: ControlPlane) -> Iterator[str]:
    """Run etcd until the end of the block and give its URL."""
    url = f"http://127.0.0.1:{free_port()}"
    command = [
        programs.etcd,
        f"--data-dir={directory / 'etcd'}",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls=http://127.0.0.1:{free_port()}",
        "--unsafe-no-fsync",
    ]
    with process(directory / "etcd.log", command):
        yield url


def api_server_command(directory: Path, programs: ControlPlane, etcd: str, port: int, *more: str) -> list[str]:
    """Return the command of a kube-apiserver that uses :func:`files`."""
    return [
        str(programs.kube_apiserver),
        f"--etcd-servers={etcd}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--tls-cert-file={directory / 'server.pem'}",
        f"--tls-private-key-file={directory / 'server-key.pem'}",
        f"--cert-dir={directory}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={directory / 'sa.pem'}",
        f"--service-account-signing-key-file={directory / 'sa.pem'}",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--disable-admission-plugins=ServiceAccount",
        "--endpoint-reconciler-type=none",
        "--shutdown-delay-duration=0s",
        f"--token-auth-file={directory / 'tokens.csv'}",
        *more,
    ]


def until_ready(url: str, tls: ssl.SSLContext, child: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until an API server answers that it is ready; fails with the end of its log when it does not."""
    request = urllib.request.Request(f"{url}/readyz", headers={"Authorization": f"Bearer {ROOT}"})
    for _ in range(1200):
        assert child.poll() is None, log.read_text()[-3000:]
        with contextlib.suppress(OSError), urllib.request.urlopen(request, context=tls, timeout=5):
            return
        time.sleep(0.05)
    raise AssertionError(log.read_text()[-3000:])
