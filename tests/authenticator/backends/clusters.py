"""API servers for the backends that watch: a real kube-apiserver with etcd, and the embedded one."""

from __future__ import annotations

import contextlib
import json
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.real_control_plane import ROOT, api_server_command, files, running_etcd, until_ready, write_kubeconfig

from eksauth.authenticator.backends.cluster.kube_where import Where
from eksauth.sandbox.binaries import ControlPlane
from eksauth.sandbox.readiness import free_port

SERVER, POWERLESS = "server-token", "powerless-token"
_USERS = (f"{SERVER},authenticator,1", f"{POWERLESS},powerless,2")
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
        return write_kubeconfig(self.directory / f"{token}.yaml", self.url, token)

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
        until_ready(self.url, self.tls, self.process, self.directory / "log")

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


@contextlib.contextmanager
def real_cluster(directory: Path, programs: ControlPlane) -> Iterator[Cluster]:
    """Run etcd and kube-apiserver."""
    tls, port = files(directory, *_USERS), free_port()
    with running_etcd(directory, programs) as etcd:
        command = api_server_command(directory, programs, etcd, port, "--authorization-mode=RBAC")
        cluster = Cluster(directory, command, port, remembers=True, tls=tls)
        try:
            cluster.start()
            _permit(cluster)
            yield cluster
        finally:
            cluster.stop()


@contextlib.contextmanager
def embedded_cluster(directory: Path) -> Iterator[Cluster]:
    """Run the embedded API server."""
    tls, port = files(directory, *_USERS), free_port()
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
