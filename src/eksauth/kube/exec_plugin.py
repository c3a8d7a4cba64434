"""Running a credential plugin as kubectl runs it.

Protocol: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins. What is
handed over, which answers are taken and what is said about the others follows client-go's ``exec`` package.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from eksauth.errors import CredentialsError
from eksauth.kube.plugin_policy import PluginPolicy
from eksauth.kubeconfig.model import Cluster, ExecConfig

_GROUP = "client.authentication.k8s.io"
_CLUSTER_CONFIG = f"{_GROUP}/exec"


@dataclass(frozen=True, slots=True)
class Credential:
    """What a plugin answered.

    :ivar certificate: PEM text; empty when there is none.
    :ivar key: PEM text that belongs to it.
    """

    token: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)
    key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class PluginCall:
    """Everything a run depends on.

    :ivar plugin: the exec section, its command made absolute where it has a slash.
    :ivar user: the entry's name, for messages.
    :ivar cluster: what a plugin with ``provideClusterInfo`` is told, its CA file read into the data.
    :ivar environ: the environment of the caller.
    :ivar terminal: whether stdin is a terminal that the plugin may use.
    :ivar timeout: seconds; None waits for ever, as kubectl does.
    """

    plugin: ExecConfig
    user: str
    cluster: Cluster
    environ: Mapping[str, str]
    terminal: bool
    policy: PluginPolicy
    timeout: float | None = None


def run_plugin(call: PluginCall) -> Credential:
    """Run a plugin and return its credential.

    :raises CredentialsError: when it may not or cannot be run, fails, or answers something else.
    """
    plugin = call.plugin
    if plugin.api_version not in {f"{_GROUP}/v1", f"{_GROUP}/v1beta1"}:
        raise _error(call, f'invalid apiVersion "{plugin.api_version}"', f"change it to {_GROUP}/v1")
    interactive = _interactive(call)
    command = _command(call)
    call.policy.check(plugin.command, command, call.environ)
    environ = {**call.environ, **{variable.name: variable.value for variable in plugin.env or ()}}
    environ["KUBERNETES_EXEC_INFO"] = exec_info(call, interactive=interactive) + "\n"
    try:
        done = subprocess.run(
            [command, *(plugin.args or ())],
            env=environ,
            stdin=None if interactive else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=call.timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _error(call, f"did not answer within {call.timeout:.0f} seconds", "run it by hand to see why") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _error(call, f"cannot be run: {reason.lower()}", plugin.install_hint or "check its path") from None
    if done.returncode:
        code = done.returncode if done.returncode > 0 else -1
        raise _error(call, f"failed with exit code {code}", "its own words are above; run it by hand to see more")
    return credential_of(call, done.stdout)


def exec_info(call: PluginCall, *, interactive: bool) -> str:
    """Return the text of KUBERNETES_EXEC_INFO."""
    spec: dict[str, Any] = {}
    if call.plugin.provide_cluster_info:
        spec["cluster"] = _cluster_info(call.cluster)
    spec["interactive"] = interactive
    info = {"kind": "ExecCredential", "apiVersion": call.plugin.api_version, "spec": spec}
    return json.dumps(info, separators=(",", ":"))


def credential_of(call: PluginCall, answer: bytes) -> Credential:
    """Return the credential in a plugin's answer, which is JSON or YAML.

    :raises CredentialsError: when there is none.
    """
    document = _parse(call, answer)
    version = document.get("apiVersion")
    if version != call.plugin.api_version:
        raise _error(
            call,
            f"is configured to use API version {call.plugin.api_version} and answered version {version or 'none'}",
            "change apiVersion in the kubeconfig to the plugin's own",
        )
    if document.get("kind", "ExecCredential") != "ExecCredential":
        raise _error(call, f"answered a {document['kind']}, not an ExecCredential", None)
    status = document.get("status")
    if not isinstance(status, dict):
        raise _error(call, "didn't return a status field", None)
    token, certificate, key = (
        str(status.get(name) or "") for name in ("token", "clientCertificateData", "clientKeyData")
    )
    if bool(certificate) != bool(key):
        raise _error(call, "returned only certificate or key, not both", None)
    if not token and not certificate:
        raise _error(call, "didn't return a token or cert/key pair", None)
    if not token.isascii() or not token.isprintable() or " " in token:
        raise _error(call, "returned a token with characters that no header may have", None)
    return Credential(token, certificate, key)


def _parse(call: PluginCall, answer: bytes) -> dict[str, Any]:
    try:
        document = json.loads(answer)
    except (ValueError, RecursionError):
        import yaml

        try:
            document = yaml.load(answer, Loader=yaml.CBaseLoader)  # noqa: S506  the base loader makes only text
        except (yaml.YAMLError, RecursionError, ValueError):
            document = None
    if not isinstance(document, dict):
        raise _error(call, "did not answer with an ExecCredential", "run it by hand and look at what it prints")
    return document


def _interactive(call: PluginCall) -> bool:
    mode = call.plugin.mode()
    if mode == "Never":
        return False
    if mode == "Always" and not call.terminal:
        raise _error(call, "cannot support interactive mode: standard input is not a terminal", None)
    if mode not in {"IfAvailable", "Always"}:
        raise _error(call, f'has the interactiveMode "{mode}"', "write Never, IfAvailable or Always")
    return call.terminal


def _command(call: PluginCall) -> str:
    command = call.plugin.command
    if not command:
        raise _error(call, "has no command", "add one to the kubeconfig")
    if os.sep in command:
        return command
    found = shutil.which(command, path=call.environ.get("PATH", os.defpath))
    if found is None or not os.path.isabs(found):  # noqa: PTH117  a relative PATH entry is refused, as by kubectl
        raise _error(call, "is not installed", call.plugin.install_hint or f"install {command}, or correct PATH")
    return found


def _cluster_info(cluster: Cluster) -> dict[str, Any]:
    config = next((item.extension for item in cluster.extensions if item.name == _CLUSTER_CONFIG), None)
    fields = {
        "server": cluster.server,
        "tls-server-name": cluster.tls_server_name,
        "insecure-skip-tls-verify": cluster.insecure_skip_tls_verify,
        "certificate-authority-data": cluster.certificate_authority_data,
        "proxy-url": cluster.proxy_url,
        "disable-compression": cluster.disable_compression,
    }
    return {**{name: value for name, value in fields.items() if value}, "config": config}


def _error(call: PluginCall, what: str, hint: str | None) -> CredentialsError:
    name = os.path.basename(call.plugin.command) or "without a name"  # noqa: PTH119
    printable = hint and " ".join(hint.split())[:500]
    return CredentialsError(
        f'the credential plugin {name} of user "{call.user}" {what}', hint=printable, code="kubernetes.plugin"
    )
