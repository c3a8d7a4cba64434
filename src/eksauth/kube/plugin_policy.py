"""Which credential plugins may run: kubectl's ``kuberc`` policy, which we keep to where we run plugins ourselves.

Source: kubectl 1.35 and later, ``credentialPluginPolicy`` and ``credentialPluginAllowlist`` in ``~/.kube/kuberc``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eksauth.errors import ConfigError, CredentialsError

_MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class PluginPolicy:
    """What the user allows.

    :ivar name: ``AllowAll``, ``DenyAll`` or ``Allowlist``.
    :ivar commands: the allowed commands, as written.
    """

    name: str = "AllowAll"
    commands: tuple[str, ...] = ()

    def check(self, written: str, found: str, environ: Mapping[str, str]) -> None:
        """Make sure that a plugin may run.

        :param written: its command as the kubeconfig has it.
        :param found: the file that would run.
        :raises CredentialsError: when it may not.
        """
        if self.name == "AllowAll":
            return
        if self.name == "Allowlist":
            search = environ.get("PATH", os.defpath)
            for command in self.commands:
                if command in {written, found} or (shutil.which(command, path=search) or "") == found:
                    return
            why = "is not in the credential plugin allowlist"
        else:
            why = f'is not allowed: policy set to "{self.name}"'
        raise CredentialsError(
            f'plugin "{written}" {why}',
            hint="see credentialPluginPolicy in your kuberc",
            code="kubernetes.plugin_policy",
        )


def read_policy(environ: Mapping[str, str]) -> PluginPolicy:
    """Return the policy of ``$KUBERC``, else of ``~/.kube/kuberc``; everything is allowed when there is none.

    :raises ConfigError: when the file is there and cannot be understood: then nothing is allowed.
    """
    given = environ.get("KUBERC", "")
    if given == "off" or environ.get("KUBECTL_KUBERC", "").lower() == "false":
        return PluginPolicy()
    path = Path(given) if given else Path(environ.get("HOME", ""), ".kube", "kuberc")
    try:
        with path.open("rb") as stream:
            content = stream.read(_MAX_BYTES)
    except FileNotFoundError:
        return PluginPolicy()
    except OSError as error:
        raise _unusable(path, (error.strerror or "unreadable").lower()) from None
    import yaml

    try:
        documents = list(yaml.load_all(content, Loader=yaml.CBaseLoader))
    except (yaml.YAMLError, RecursionError, ValueError):
        raise _unusable(path, "not valid YAML") from None
    for document in documents:
        version = document.get("apiVersion", "") if isinstance(document, dict) else ""
        if version in {"kubectl.config.k8s.io/v1beta1", "kubectl.config.k8s.io/v1"}:
            return _policy(path, document)
    return PluginPolicy()


def _policy(path: Path, document: dict[str, Any]) -> PluginPolicy:
    name = document.get("credentialPluginPolicy") or "AllowAll"
    if name not in {"AllowAll", "DenyAll", "Allowlist"}:
        raise _unusable(path, f"unknown plugin policy: {name!r}")
    listed = document.get("credentialPluginAllowlist") or []
    commands: list[str] = []
    for item in listed if isinstance(listed, list) else [None]:
        command = (item.get("command") or item.get("name")) if isinstance(item, dict) else None
        if not isinstance(command, str) or not command:
            raise _unusable(path, "the credential plugin allowlist has an entry without a command")
        commands.append(command)
    if name == "Allowlist" and not commands:
        raise _unusable(path, 'the plugin policy is "Allowlist", and the allowlist is empty')
    return PluginPolicy(name, tuple(commands))


def _unusable(path: Path, why: str) -> ConfigError:
    return ConfigError(f"{path}: {why}", hint="correct it; until then no credential plugin is run", code="kuberc")
