"""A real kube-apiserver with RBAC, strict validation and an audit log of what our server asks it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from tests.real_control_plane import (
    ROOT,
    api_server_command,
    files,
    process,
    running_etcd,
    until_ready,
    write_kubeconfig,
)

from eksauth.sandbox.binaries import ControlPlane
from eksauth.sandbox.readiness import free_port

SERVICE_ACCOUNT = "system:serviceaccount:kube-system:eksauth"
_SERVER = "server-token"
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
    groups = "system:serviceaccounts,system:serviceaccounts:kube-system,system:authenticated"
    tls, port = files(directory, f'{_SERVER},{SERVICE_ACCOUNT},1,"{groups}"'), free_port()
    (directory / "audit.yaml").write_text(yaml.safe_dump(_AUDIT))
    url, log = f"https://127.0.0.1:{port}", directory / "kube-apiserver.log"
    with running_etcd(directory, programs) as etcd:
        command = api_server_command(
            directory,
            programs,
            etcd,
            port,
            "--authorization-mode=RBAC",
            f"--audit-policy-file={directory / 'audit.yaml'}",
            f"--audit-log-path={directory / 'audit.log'}",
            "--audit-log-mode=blocking",
        )
        with process(log, command) as child:
            until_ready(url, tls, child, log)
            yield Cluster(
                kubectl,
                directory,
                write_kubeconfig(directory / "admin.kubeconfig", url, ROOT),
                write_kubeconfig(directory / "server.kubeconfig", url, _SERVER),
            )
