"""A real kube-apiserver with its etcd, on loopback, asking our authenticator about bearer tokens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from eksauth.files import write_whole
from eksauth.sandbox.binaries import ControlPlane
from eksauth.sandbox.launcher import Launcher
from eksauth.sandbox.loopback import LoopbackClient, trusting
from eksauth.sandbox.pki import (
    LOOPBACK_HOSTS,
    CertificateAuthority,
    issue_client_certificate,
    issue_server_certificate,
    new_authority,
)
from eksauth.sandbox.readiness import free_port, wait_for

_PATIENCE_SECONDS = 90.0


def start_etcd(launcher: Launcher, programs: ControlPlane, directory: Path) -> str:
    """Start etcd and return its client URL; only holders of a certificate made here may talk to it."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    authority = new_authority("eksauth sandbox etcd")
    _write_pair(directory, "server", issue_server_certificate(authority, LOOPBACK_HOSTS))
    _write_pair(directory, "client", issue_client_certificate(authority, "kube-apiserver", ()))
    write_whole(directory / "ca.pem", authority.cert_pem, 0o600)
    client, peer = f"https://127.0.0.1:{free_port()}", f"https://127.0.0.1:{free_port()}"
    process = launcher.launch(
        "etcd",
        [
            str(programs.etcd),
            f"--data-dir={directory / 'data'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            f"--cert-file={directory / 'server.pem'}",
            f"--key-file={directory / 'server-key.pem'}",
            f"--trusted-ca-file={directory / 'ca.pem'}",
            "--client-cert-auth",
            # it has no peers; without this any user of the machine could be one
            f"--peer-cert-file={directory / 'server.pem'}",
            f"--peer-key-file={directory / 'server-key.pem'}",
            f"--peer-trusted-ca-file={directory / 'ca.pem'}",
            "--peer-client-cert-auth",
        ],
    )
    context = trusting(authority.cert_pem.decode())
    context.load_cert_chain(directory / "client.pem", directory / "client-key.pem")
    probe = _healthy(LoopbackClient(client, context), "/health")
    wait_for("etcd", process, launcher.log("etcd"), probe, patience=_PATIENCE_SECONDS)
    launcher.serves("etcd", client)
    return client


def start_kube_apiserver(
    launcher: Launcher,
    programs: ControlPlane,
    name: str,
    *,
    etcd_url: str,
    etcd_files: Path,
    directory: Path,
    authority: CertificateAuthority,
    webhook_kubeconfig: Path,
    admin_tokens: Path,
) -> str:
    """Start one kube-apiserver and return its URL.

    :param name: component name, also the prefix of its keys in etcd, so that several share one etcd.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    _write_pair(directory, "server", issue_server_certificate(authority, LOOPBACK_HOSTS))
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    write_whole(
        directory / "service-account-key.pem",
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        ),
        0o600,
    )
    port = free_port()
    process = launcher.launch(
        name,
        [
            str(programs.kube_apiserver),
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={port}",
            f"--tls-cert-file={directory / 'server.pem'}",
            f"--tls-private-key-file={directory / 'server-key.pem'}",
            f"--cert-dir={directory}",
            f"--etcd-servers={etcd_url}",
            f"--etcd-prefix=/{name}",
            f"--etcd-cafile={etcd_files / 'ca.pem'}",
            f"--etcd-certfile={etcd_files / 'client.pem'}",
            f"--etcd-keyfile={etcd_files / 'client-key.pem'}",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={directory / 'service-account-key.pem'}",
            f"--service-account-signing-key-file={directory / 'service-account-key.pem'}",
            # no controller manager runs here to create the default service accounts that admission would wait for
            "--disable-admission-plugins=ServiceAccount",
            "--endpoint-reconciler-type=none",
            "--authorization-mode=Node,RBAC",
            f"--token-auth-file={admin_tokens}",
            f"--authentication-token-webhook-config-file={webhook_kubeconfig}",
            "--authentication-token-webhook-version=v1",
        ],
    )
    url = f"https://127.0.0.1:{port}"
    probe = _healthy(LoopbackClient(url, trusting(authority.cert_pem.decode())), "/readyz")
    wait_for(name, process, launcher.log(name), probe, patience=_PATIENCE_SECONDS)
    launcher.serves(name, url)
    return url


def _healthy(client: LoopbackClient, path: str) -> Callable[[], bool | None]:
    """Return a probe that gives True once ``path`` is answered with 200, else None."""

    def probe() -> bool | None:
        try:
            return client.ask(path, timeout=2).status == 200 or None
        except OSError:
            return None

    return probe


def _write_pair(directory: Path, name: str, pair: tuple[bytes, bytes]) -> None:
    write_whole(directory / f"{name}.pem", pair[0], 0o600)
    write_whole(directory / f"{name}-key.pem", pair[1], 0o600)
