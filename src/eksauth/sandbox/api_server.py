"""The embedded API server as a component."""

from __future__ import annotations

from pathlib import Path

from eksauth.files import write_whole
from eksauth.sandbox.launcher import Launcher
from eksauth.sandbox.pki import LOOPBACK_HOSTS, CertificateAuthority, issue_server_certificate
from eksauth.sandbox.readiness import ready_file, wait_for

_PATIENCE_SECONDS = 60.0


def start_embedded(
    launcher: Launcher,
    name: str,
    *,
    directory: Path,
    authority: CertificateAuthority,
    webhook_kubeconfig: Path,
    admin_tokens: Path,
) -> str:
    """Start one embedded API server and return its URL.

    :param authority: signs its certificate.
    :param admin_tokens: static token file, as kube-apiserver's ``--token-auth-file`` takes it.
    :raises EksauthError: when it does not start.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    certificate, key = directory / "server.pem", directory / "server-key.pem"
    for path, content in zip((certificate, key), issue_server_certificate(authority, LOOPBACK_HOSTS), strict=True):
        write_whole(path, content, 0o600)
    ready = directory / "ready.json"
    flags = {
        "--state-dir": directory,
        "--tls-cert-file": certificate,
        "--tls-private-key-file": key,
        "--authentication-token-webhook-config-file": webhook_kubeconfig,
        "--token-auth-file": admin_tokens,
        "--ready-file": ready,
    }
    process = launcher.launch_module(
        name, "eksauth.sandbox.apiserver", *[str(part) for pair in flags.items() for part in pair]
    )
    said = wait_for(name, process, launcher.log(name), ready_file(ready), patience=_PATIENCE_SECONDS)
    url = str(said["endpoint"])
    launcher.serves(name, url)
    return url
