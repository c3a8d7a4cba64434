"""API servers for the backends that watch: a real kube-apiserver with etcd, and the embedded one."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trustme
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from eksauth.authenticator.backends.cluster.kube_where import Where
from eksauth.sandbox.binaries import ControlPlane

ROOT, SERVER, POWERLESS = "root-token", "server-token", "powerless-token"
MAPPINGS = "/apis/iamauthenticator.k8s.aws/v1alpha1/iamidentitymappings"
ENTRIES = "/apis/access.eksauth.dev/v1alpha1/accessentries"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"
AWS_AUTH = "/api/v1/namespaces/kube-system/configmaps/aws-auth"


@dataclass
class Cluster:
    """One API server that can be stopped and started again on its port.

    :ivar remembers: objects survive a restart.
    """

    directory: Path
    command: list[str]
    port: int
    remembers: bool
    process: subprocess.Popen[bytes] | None = None
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"https://127.0.0.1:{self.port}"

    def where(self, token: str = SERVER) -> Where:
        """Return how a backend reaches it."""
        return Where(self.kubeconfig(token))

    def kubeconfig(self, token: str = SERVER) -> Path:
        """Write a kubeconfig for the holder of a token."""
        path = self.directory / f"{token}.yaml"
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "one",
            "clusters": [
                {
                    "name": "c",
                    "cluster": {"server": self.url, "certificate-authority": str(self.directory / "ca.pem")},
                }
            ],
            "contexts": [{"name": "one", "context": {"cluster": "c", "user": "u"}}],
            "users": [{"name": "u", "user": {"token": token}}],
        }
        path.write_text(yaml.safe_dump(document))
        return path

    def ask(self, method: str, path: str, body: object = None, *, token: str = ROOT) -> tuple[int, dict[str, Any]]:
        """Send one request and return status and answer."""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": kind}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, context=self.tls, timeout=60) as reply:
                return reply.status, json.loads(reply.read())
        except urllib.error.HTTPError as error:
            with error:
                said = error.read()
            return error.code, json.loads(said) if said.startswith(b"{") else {"message": said.decode()}

    def make(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Create an object, or replace the one of that name."""
        name = body["metadata"]["name"]
        while True:
            status, old = self.ask("GET", f"{path}/{name}")
            if status == 200:
                version = {"resourceVersion": old["metadata"]["resourceVersion"]}
                status, answer = self.ask(
                    "PUT", f"{path}/{name}", {**body, "metadata": {**body["metadata"], **version}}
                )
            else:
                status, answer = self.ask("POST", path, body)
            if status != 409:  # a server may have written the status meanwhile
                assert status in {200, 201}, answer
                return answer

    def aws_auth(self, **data: Any) -> None:
        """Create or replace the ConfigMap aws-auth; ``binaryData`` is what it says."""
        metadata = {"name": "aws-auth", "namespace": "kube-system"}
        binary = {"binaryData": data.pop("binaryData")} if "binaryData" in data else {}
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data, **binary}
        self.make("/api/v1/namespaces/kube-system/configmaps", body)

    def map(self, name: str, **spec: Any) -> dict[str, Any]:
        """Create or replace an IAMIdentityMapping."""
        head = {"apiVersion": "iamauthenticator.k8s.aws/v1alpha1", "kind": "IAMIdentityMapping"}
        return self.make(MAPPINGS, {**head, "metadata": {"name": name}, "spec": spec})

    def enter(self, name: str, **spec: Any) -> dict[str, Any]:
        """Create or replace an AccessEntry."""
        head = {"apiVersion": "access.eksauth.dev/v1alpha1", "kind": "AccessEntry"}
        return self.make(ENTRIES, {**head, "metadata": {"name": name}, "spec": spec})

    def delete(self, path: str) -> None:
        """Delete an object, or all of a kind, if there are any."""
        while (answer := self.ask("DELETE", path))[0] == 409:
            pass
        assert answer[0] in {200, 404}, answer

    def events(self, namespace: str = "kube-system") -> list[dict[str, Any]]:
        """Return the events of a namespace, oldest first."""
        status, answer = self.ask("GET", f"/api/v1/namespaces/{namespace}/events")
        assert status == 200
        return sorted(answer["items"], key=lambda event: int(event["metadata"]["resourceVersion"]))

    def start(self) -> None:
        """Start the API server and wait until it answers."""
        log = (self.directory / "log").open("ab")
        with log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)
        for _ in range(1200):
            assert self.process.poll() is None, (self.directory / "log").read_text()[-3000:]
            with contextlib.suppress(OSError, ValueError):
                if self._ready():
                    return
            time.sleep(0.05)
        raise AssertionError((self.directory / "log").read_text()[-3000:])

    def _ready(self) -> bool:
        request = urllib.request.Request(f"{self.url}/readyz", headers={"Authorization": f"Bearer {ROOT}"})
        with urllib.request.urlopen(request, context=self.tls, timeout=5) as reply:
            return bool(reply.status == 200)

    def stop(self, *, kill: bool = False) -> None:
        """Stop the API server."""
        if self.process is not None:
            self.process.kill() if kill else self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _files(directory: Path) -> ssl.SSLContext:
    authority = trustme.CA()
    pair = authority.issue_cert("localhost", "127.0.0.1")
    authority.cert_pem.write_to_path(directory / "ca.pem")
    pair.cert_chain_pems[0].write_to_path(directory / "server.pem")
    pair.private_key_pem.write_to_path(directory / "server-key.pem")
    lines = [f'{ROOT},root,0,"system:masters"', f"{SERVER},authenticator,1", f"{POWERLESS},powerless,2"]
    (directory / "tokens.csv").write_text("\n".join(lines) + "\n")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    (directory / "sa.pem").write_bytes(pem)
    return ssl.create_default_context(cafile=str(directory / "ca.pem"))


@contextlib.contextmanager
def real_cluster(directory: Path, programs: ControlPlane) -> Iterator[Cluster]:
    """Run etcd and kube-apiserver."""
    tls, etcd, port = _files(directory), f"http://127.0.0.1:{free_port()}", free_port()
    with (directory / "etcd.log").open("wb") as log:
        storage = subprocess.Popen(
            [
                programs.etcd,
                f"--data-dir={directory / 'etcd'}",
                f"--listen-client-urls={etcd}",
                f"--advertise-client-urls={etcd}",
                f"--listen-peer-urls=http://127.0.0.1:{free_port()}",
                "--unsafe-no-fsync",
            ],
            stdout=log,
            stderr=log,
        )
    command = [
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
        "--authorization-mode=RBAC",
        "--disable-admission-plugins=ServiceAccount",
        "--endpoint-reconciler-type=none",
        f"--token-auth-file={directory / 'tokens.csv'}",
        "--shutdown-delay-duration=0s",
    ]
    cluster = Cluster(directory, command, port, remembers=True, tls=tls)
    try:
        cluster.start()
        _permit(cluster)
        yield cluster
    finally:
        cluster.stop()
        storage.terminate()
        storage.wait(20)


@contextlib.contextmanager
def embedded_cluster(directory: Path) -> Iterator[Cluster]:
    """Run the embedded API server."""
    tls, port = _files(directory), free_port()
    flags = {
        "--state-dir": directory,
        "--secure-port": port,
        "--tls-cert-file": directory / "server.pem",
        "--tls-private-key-file": directory / "server-key.pem",
        "--token-auth-file": directory / "tokens.csv",
    }
    command = [
        sys.executable,
        "-m",
        "eksauth.sandbox.apiserver",
        *[str(part) for pair in flags.items() for part in pair],
    ]
    cluster = Cluster(directory, command, port, remembers=False, tls=tls)
    try:
        cluster.start()
        _permit(cluster)
        yield cluster
    finally:
        cluster.stop()


RULES = [
    {"apiGroups": ["iamauthenticator.k8s.aws"], "resources": ["iamidentitymappings"], "verbs": ["list", "watch"]},
    {"apiGroups": ["iamauthenticator.k8s.aws"], "resources": ["iamidentitymappings/status"], "verbs": ["patch"]},
    {"apiGroups": ["access.eksauth.dev"], "resources": ["accessentries"], "verbs": ["list", "watch"]},
    {"apiGroups": ["access.eksauth.dev"], "resources": ["accessentries/status"], "verbs": ["patch"]},
    {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch"]},
]
SYSTEM_RULES = [
    {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["aws-auth"], "verbs": ["list", "watch"]},
    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create", "get", "update"]},
]


def _permit(cluster: Cluster) -> None:
    """Let the holder of the server's token do what the documentation asks for, and nothing else."""
    rbac, group = "/apis/rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io"
    user = [{"kind": "User", "name": "authenticator", "apiGroup": group}]

    def pair(kind: str, path: str, rules: list[dict[str, Any]], **metadata: str) -> None:
        named = {"name": "authenticator", **metadata}
        head = {"apiVersion": f"{group}/v1", "metadata": named}
        cluster.make(f"{rbac}/{path}{kind.lower()}s", {**head, "kind": kind, "rules": rules})
        reference = {"apiGroup": group, "kind": kind, "name": "authenticator"}
        binding = {**head, "kind": f"{kind}Binding", "roleRef": reference, "subjects": user}
        cluster.make(f"{rbac}/{path}{kind.lower()}bindings", binding)

    pair("ClusterRole", "", RULES)
    pair("Role", "namespaces/kube-system/", SYSTEM_RULES, namespace="kube-system")
