"""Which namespace a command works in."""

from __future__ import annotations

from eksauth.kubeconfig.in_cluster import InCluster
from eksauth.kubeconfig.resolve import Merged


def effective_namespace(
    merged: Merged, *, context: str | None = None, flag: str | None = None, pod: InCluster | None = None
) -> str:
    """Return the namespace: the flag's, else the context's, else the pod's when there is no kubeconfig, else default.

    :param context: a context by name; None or empty means the current one, if any.
    :param flag: ``--namespace``; empty means not given.
    :raises ConfigError: when ``context`` does not exist.
    """
    if flag:
        return flag
    if context or merged.current_context is not None:
        return merged.context(context).value.namespace or "default"
    if merged.is_empty() and pod is not None and pod.namespace:
        return pod.namespace
    return "default"
