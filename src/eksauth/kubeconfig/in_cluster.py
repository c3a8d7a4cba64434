"""The connection that a pod has without any kubeconfig: its service account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True, slots=True)
class InCluster:
    """Where the API server is and what to show it.

    :ivar namespace: ``POD_NAMESPACE``, else what the mounted file says, else empty.
    """

    server: str
    token_file: Path
    ca_file: Path
    namespace: str


def in_cluster(environ: Mapping[str, str], mount: Path = MOUNT) -> InCluster | None:
    """Return the pod's own connection, or None outside a pod.

    kubectl uses it only when the merged kubeconfig is empty; ``kubectl config`` never does. Source: client-go
    ``InClusterConfig`` and ``DeferredLoadingClientConfig``.
    """
    host, port = environ.get("KUBERNETES_SERVICE_HOST", ""), environ.get("KUBERNETES_SERVICE_PORT", "")
    token = mount / "token"
    if not (host and port and token.is_file()):
        return None
    shown = f"[{host}]" if ":" in host else host
    return InCluster(f"https://{shown}:{port}", token, mount / "ca.crt", _namespace(environ, mount / "namespace"))


def _namespace(environ: Mapping[str, str], path: Path) -> str:
    if environ.get("POD_NAMESPACE"):
        return environ["POD_NAMESPACE"]
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
