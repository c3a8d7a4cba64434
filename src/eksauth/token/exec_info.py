"""What ``KUBERNETES_EXEC_INFO`` says, in full: version, whether a person is there, and what is odd about it."""

from __future__ import annotations

import json

from eksauth.errors import ConfigError
from eksauth.token.exec_credential import DEFAULT_VERSION, GROUP, V1, V1BETA1


class ExecInfo:
    """The request as far as a token plugin needs it.

    :param interactive: whether kubectl lets the plugin talk to a person; None when it did not say.
    :param warning: one line about an unusable request, or None.
    """

    __slots__ = ("api_version", "interactive", "warning")

    def __init__(self, api_version: str, *, interactive: bool | None = None, warning: str | None = None) -> None:
        self.api_version = api_version
        self.interactive = interactive
        self.warning = warning


def read_exec_info(text: str | None) -> ExecInfo:
    """Understand ``KUBERNETES_EXEC_INFO``; what cannot be understood is answered in v1beta1, with a warning.

    :raises ConfigError: for v1alpha1, which no supported kubectl accepts as an answer.
    """
    if not text:
        return ExecInfo(DEFAULT_VERSION)
    try:
        request = json.loads(text)
    except (ValueError, RecursionError):
        return _odd("is not JSON")
    if not isinstance(request, dict):
        return _odd("is not a JSON object")
    spec = request.get("spec")
    interactive = spec.get("interactive") if isinstance(spec, dict) else None
    version = request.get("apiVersion")
    if version == GROUP + "v1alpha1":
        raise ConfigError(
            "the kubeconfig asks for client.authentication.k8s.io/v1alpha1, which Kubernetes removed in 1.24",
            hint=f"change apiVersion in the exec section of the kubeconfig user to {V1BETA1}",
            code="config.exec_version",
        )
    interactive = interactive if isinstance(interactive, bool) else None
    if version not in (V1, V1BETA1):
        return _odd("names no version that eksauth knows", interactive=interactive)
    return ExecInfo(version, interactive=interactive)


def _odd(what: str, *, interactive: bool | None = None) -> ExecInfo:
    warning = f"KUBERNETES_EXEC_INFO {what}; answering in v1beta1"
    return ExecInfo(DEFAULT_VERSION, interactive=interactive, warning=warning)
