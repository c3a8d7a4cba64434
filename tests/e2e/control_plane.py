"""A real kube-apiserver that asks the authenticator who somebody is and what they may do."""

from __future__ import annotations

import contextlib
import json
import os
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from tests.authenticator.process import FakeSts, Server
from tests.real_control_plane import (
    ROOT,
    api_server_command,
    files,
    process,
    running_etcd,
    until_ready,
    write_kubeconfig,
)

from eksauth.sandbox.binaries import ControlPlane, find_kubectl
from eksauth.sandbox.readiness import free_port


@dataclass
class Cluster:
    """etcd, an API server that can be restarted, the authenticator and STS."""

    url: str
    directory: Path
    command: list[str]
    server: Server
    sts: FakeSts
    tls: ssl.SSLContext
    child: subprocess.Popen[bytes] | None = None
    stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def start(self) -> None:
        """Start the API server and wait until it is ready."""
        log = self.directory / "kube-apiserver.log"
        until_ready(self.url, self.tls, self.stack.enter_context(process(log, self.command)), log)

    def restart(self) -> None:
        """Stop the API server and start it again: what it cached is gone, what etcd holds is not."""
        self.stack.close()
        self.start()

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        token: str | None = ROOT,
        cert: Path | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, dict[str, Any]]:
        """Send one request and return status and answer."""
        tls = self.tls
        if cert is not None:
            tls = ssl.create_default_context(cafile=str(self.directory / "ca.pem"))
            tls.load_cert_chain(cert)
        sent = {"Content-Type": "application/json", **(headers or {})}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, sent, method=method)
        try:
            with urllib.request.urlopen(request, context=tls, timeout=60) as reply:
                return reply.status, json.loads(reply.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def may(self, path: str, token: str, *, as_user: str | None = None) -> int:
        """Return the status that reading ``path`` has, impersonating ``as_user`` where there is one."""
        headers = {} if as_user is None else {"Impersonate-User": as_user}
        return self.ask("GET", path, token=token, headers=headers)[0]

    def review(self, token: str, **attributes: str) -> dict[str, Any]:
        """Return the status of a SelfSubjectAccessReview."""
        kind = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
        status, answer = self.ask(
            "POST",
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            {**kind, "spec": {"resourceAttributes": attributes}},
            token=token,
        )
        assert status == 201, answer
        found: dict[str, Any] = answer["status"]
        return found

    def who(self, token: str) -> str | None:
        """Return who the API server says somebody is, None for Unauthorized."""
        kind = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        status, answer = self.ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", kind, token=token)
        assert status in {201, 401}, answer
        return str(answer["status"]["userInfo"]["username"]) if status == 201 else None

    def make(self, path: str, **body: Any) -> None:
        """Create an object."""
        status, answer = self.ask("POST", path, body)
        assert status == 201, answer

    def kubectl(self, token: str, *arguments: str) -> tuple[int, str]:
        """Run kubectl as the holder of a token and return its exit code and output."""
        program = find_kubectl()
        assert program is not None
        kubeconfig = write_kubeconfig(self.directory / "kubectl.yaml", self.url, token)
        done = subprocess.run(
            [str(program), "--kubeconfig", str(kubeconfig), "--cache-dir", str(self.directory / "cache"), *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={"PATH": os.environ["PATH"], "HOME": str(self.directory)},
        )
        return done.returncode, done.stdout + done.stderr


@contextlib.contextmanager
def control_plane(directory: Path, programs: ControlPlane, server: Server, sts: FakeSts) -> Iterator[Cluster]:
    """Run etcd and an API server that asks ``server`` who somebody is, and, after RBAC, what they may do."""
    tls, port = files(directory), free_port()
    authenticate = Path(server.ready["kubeconfig"])
    authorize = directory / "authorize.yaml"
    authorize.write_text(authenticate.read_text().replace("/authenticate", "/authorize"))
    webhook = {
        "authorizedTTL": "1s",
        "unauthorizedTTL": "1s",
        "timeout": "5s",
        "subjectAccessReviewVersion": "v1",
        "matchConditionSubjectAccessReviewVersion": "v1",
        "failurePolicy": "NoOpinion",
        "connectionInfo": {"type": "KubeConfigFile", "kubeConfigFile": str(authorize)},
    }
    authorizers = [{"type": "RBAC", "name": "rbac"}, {"type": "Webhook", "name": "eksauth", "webhook": webhook}]
    configuration = {
        "apiVersion": "apiserver.config.k8s.io/v1beta1",
        "kind": "AuthorizationConfiguration",
        "authorizers": authorizers,
    }
    (directory / "authorization.yaml").write_text(yaml.safe_dump(configuration))
    with running_etcd(directory, programs) as etcd:
        command = api_server_command(
            directory,
            programs,
            etcd,
            port,
            f"--client-ca-file={directory / 'ca.pem'}",
            f"--authorization-config={directory / 'authorization.yaml'}",
            f"--authentication-token-webhook-config-file={authenticate}",
            "--authentication-token-webhook-version=v1",
            "--authentication-token-webhook-cache-ttl=1s",
        )
        cluster = Cluster(f"https://localhost:{port}", directory, command, server, sts, tls)
        with cluster.stack:
            cluster.start()
            yield cluster
