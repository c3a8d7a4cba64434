"""A real kube-apiserver with RBAC, strict validation and an audit log of what our server asks it."""

from __future__ import annotations

import contextlib
import json
import os
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from eksauth.sandbox.binaries import ControlPlane
from eksauth.sandbox.readiness import free_port

SERVICE_ACCOUNT = "system:serviceaccount:kube-system:eksauth"
_AUDIT = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata", "users": [SERVICE_ACCOUNT]}, {"level": "None"}],
}


@dataclass(frozen=True)
class Cluster:
    """The API server and how to reach it as two users."""

    kubectl: Path
    directory: Path
    admin: Path
    server: Path

    def run(self, *arguments: object, stdin: str = "", who: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl, as the administrator by default."""
        return subprocess.run(
            [str(self.kubectl), "--kubeconfig", str(who or self.admin), *(str(part) for part in arguments)],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={"HOME": str(self.directory), "PATH": os.environ["PATH"]},
        )

    def would_take(self, documents: list[dict[str, Any]]) -> None:
        """Assert that the API server would create all of these, with no field unknown to it and no warning."""
        done = self.run(
            "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-", stdin=as_text(documents)
        )
        assert done.returncode == 0, done.stderr
        assert "Warning" not in done.stderr, done.stderr

    def apply(self, documents: list[dict[str, Any]]) -> None:
        """Create or change objects."""
        done = self.run("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=as_text(documents))
        assert done.returncode == 0, done.stderr

    def delete(self, documents: list[dict[str, Any]]) -> None:
        """Take objects away again."""
        done = self.run("delete", "--ignore-not-found", "--wait=false", "-f", "-", stdin=as_text(documents))
        assert done.returncode == 0, done.stderr

    def established(self) -> None:
        """Wait until the API serves every custom resource."""
        done = self.run("wait", "--for=condition=Established", "--timeout=60s", "crd", "--all")
        assert done.returncode == 0, done.stderr

    def audited(self, since: int = 0) -> list[dict[str, Any]]:
        """Return what the service account of our server asked for, from a line of the audit log on."""
        path = self.directory / "audit.log"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line) for line in lines[since:]]


def as_text(documents: list[dict[str, Any]]) -> str:
    """Return documents as one YAML text."""
    return yaml.safe_dump_all(documents)


@contextlib.contextmanager
def running_cluster(programs: ControlPlane, kubectl: Path, directory: Path) -> Iterator[Cluster]:
    """Run etcd and kube-apiserver until the end of the block."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (directory / "sa.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
    )
    authority = trustme.CA()
    pair = authority.issue_cert("localhost", "127.0.0.1")
    authority.cert_pem.write_to_path(directory / "ca.pem")
    pair.cert_chain_pems[0].write_to_path(directory / "server.pem")
    pair.private_key_pem.write_to_path(directory / "server-key.pem")
    (directory / "audit.yaml").write_text(yaml.safe_dump(_AUDIT))
    groups = "system:serviceaccounts,system:serviceaccounts:kube-system,system:authenticated"
    (directory / "tokens.csv").write_text(
        f'admin-token,root,0,"system:masters"\nserver-token,{SERVICE_ACCOUNT},1,"{groups}"\n'
    )
    etcd, port = f"http://127.0.0.1:{free_port()}", free_port()
    url = f"https://127.0.0.1:{port}"
    with contextlib.ExitStack() as stack:
        stack.enter_context(
            _process(
                directory / "etcd.log",
                programs.etcd,
                f"--data-dir={directory / 'etcd'}",
                f"--listen-client-urls={etcd}",
                f"--advertise-client-urls={etcd}",
                f"--listen-peer-urls=http://127.0.0.1:{free_port()}",
                "--unsafe-no-fsync",
            )
        )
        child = stack.enter_context(
            _process(
                directory / "kube-apiserver.log",
                programs.kube_apiserver,
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
                "--authorization-mode=RBAC",
                "--disable-admission-plugins=ServiceAccount",
                "--endpoint-reconciler-type=none",
                f"--token-auth-file={directory / 'tokens.csv'}",
                f"--audit-policy-file={directory / 'audit.yaml'}",
                f"--audit-log-path={directory / 'audit.log'}",
                "--audit-log-mode=blocking",
            )
        )
        _until_ready(url, directory, child)
        yield Cluster(
            kubectl,
            directory,
            _kubeconfig(directory, url, "admin"),
            _kubeconfig(directory, url, "server"),
        )


def _kubeconfig(directory: Path, url: str, user: str) -> Path:
    path = directory / f"{user}.kubeconfig"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": url, "certificate-authority": str(directory / "ca.pem")}}],
        "users": [{"name": user, "user": {"token": f"{user}-token"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": user}}],
        "current-context": "c",
    }
    path.write_text(yaml.safe_dump(document))
    return path


def _until_ready(url: str, directory: Path, child: subprocess.Popen[bytes]) -> None:
    tls = ssl.create_default_context(cafile=str(directory / "ca.pem"))
    request = urllib.request.Request(f"{url}/readyz", headers={"Authorization": "Bearer admin-token"})
    log = directory / "kube-apiserver.log"
    for _ in range(600):
        assert child.poll() is None, log.read_text()[-3000:]
        with contextlib.suppress(OSError), urllib.request.urlopen(request, context=tls, timeout=5):
            return
        time.sleep(0.1)
    pytest.fail(f"kube-apiserver did not become ready: {log.read_text()[-3000:]}")


@contextlib.contextmanager
def _process(log: Path, *command: object) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as stream:
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
