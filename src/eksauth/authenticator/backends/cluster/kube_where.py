"""Where the cluster's API is, and as whom to ask it: a pod's own service account, or a kubeconfig."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from eksauth.errors import ConfigError
from eksauth.kube.target import Target, target_of
from eksauth.kubeconfig.contexts import load
from eksauth.kubeconfig.model import Cluster, User
from eksauth.kubeconfig.paths import Files, Origin

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where Kubernetes mounts a pod's credentials; the token in it is exchanged while the pod runs."""
_TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class Where:
    """How backends reach the cluster's API; looked up anew for each connection, since all files rotate.

    :ivar kubeconfig: None is the service account of the pod, unless ``master`` is given.
    :ivar master: replaces the server of the kubeconfig; without one it is asked without credentials.
    """

    kubeconfig: Path | None = None
    master: str = ""
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False, compare=False)
    service_account: Path = SERVICE_ACCOUNT

    def target(self) -> Target:
        """Return the cluster and the user.

        :raises ConfigError: when the files are missing or cannot be used, or this is no pod.
        """
        if self.kubeconfig is not None:
            if not self.kubeconfig.is_file():
                raise ConfigError(f"{self.kubeconfig}: no such file", hint="check server.kubeconfig or --kubeconfig")
            merged = load(Files((self.kubeconfig,), Origin.FLAG))
            target = target_of(merged, None, cwd=Path.cwd(), environ=self.environ, timeout=_TIMEOUT)
            return replace(target, cluster=replace(target.cluster, server=self.master)) if self.master else target
        if self.master:
            return Target("master", Cluster(server=self.master), User(), "", self.environ, timeout=_TIMEOUT)
        return self._in_cluster()

    def namespace(self) -> str:
        """Return the namespace that the server runs in, ``kube-system`` when that is not known."""
        try:
            return (self.service_account / "namespace").read_text().strip() or "kube-system"
        except (OSError, UnicodeDecodeError):
            return "kube-system"

    def _in_cluster(self) -> Target:
        host, port = self.environ.get("KUBERNETES_SERVICE_HOST"), self.environ.get("KUBERNETES_SERVICE_PORT")
        token, authority = self.service_account / "token", self.service_account / "ca.crt"
        if not host or not port or not token.exists():
            raise ConfigError(
                "this is no pod with a service account, and no kubeconfig is given",
                hint="set server.kubeconfig (or --kubeconfig) to one that may read the backends' objects",
            )
        server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
        cluster = Cluster(server=server, certificate_authority=str(authority) if authority.exists() else "")
        return Target("in-cluster", cluster, User(token_file=str(token)), "", self.environ, timeout=_TIMEOUT)
