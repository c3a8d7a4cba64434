"""The kubeconfig format as values: what a cluster, a context and a user entry can say.

Only what kubectl knows is here; unknown keys stay in the document. Field names follow the file's keys. Representations
hide secrets. Source: the ``v1.Config`` types of k8s.io/client-go 0.27 to 0.36.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

SECRET_FIELDS = frozenset(
    ("token", "password", "client_key_data", "client_certificate_data", "certificate_authority_data")
)


def _repr(self: Any) -> str:
    shown = []
    for item in fields(self):
        value = getattr(self, item.name)
        if value != item.default and value not in (None, (), {}):
            text = "<hidden>" if item.name in SECRET_FIELDS or not item.repr else repr(value)
            shown.append(f"{item.name}={text}")
    return f"{type(self).__name__}({', '.join(shown)})"


@dataclass(frozen=True, slots=True)
class NamedExtension:
    """A value that some tool keeps in the file under a name; ``extension`` holds JSON values."""

    name: str
    extension: Any = None


@dataclass(frozen=True, slots=True, repr=False)
class Cluster:
    """Where an API server is and how to trust it.

    :ivar certificate_authority_data: the base64 text as kubectl would write it, without line breaks.
    """

    server: str = ""
    tls_server_name: str = ""
    insecure_skip_tls_verify: bool = False
    certificate_authority: str = ""
    certificate_authority_data: str = ""
    proxy_url: str = field(default="", repr=False)
    disable_compression: bool = False
    extensions: tuple[NamedExtension, ...] = ()

    __repr__ = _repr


@dataclass(frozen=True, slots=True)
class Context:
    """A cluster, a user and a namespace under one name."""

    cluster: str = ""
    user: str = ""
    namespace: str = ""
    extensions: tuple[NamedExtension, ...] = ()


@dataclass(frozen=True, slots=True)
class ExecEnvVar:
    """A variable for the credential plugin; its value may be a secret and is not shown."""

    name: str = ""
    value: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ExecConfig:
    """A credential plugin: the command that kubectl runs to get a token or a certificate.

    :ivar args: None when the file gives none, which is printed otherwise than an empty list.
    :ivar interactive_mode: ``Never``, ``IfAvailable``, ``Always`` or empty; :meth:`mode` fills in kubectl's default.
    """

    command: str = ""
    args: tuple[str, ...] | None = None
    env: tuple[ExecEnvVar, ...] | None = None
    api_version: str = ""
    install_hint: str = ""
    provide_cluster_info: bool = False
    interactive_mode: str = ""

    def mode(self) -> str:
        """Return the interactive mode with the default that kubectl fills in for v1alpha1 and v1beta1."""
        if self.interactive_mode or not self.api_version.endswith(("/v1alpha1", "/v1beta1")):
            return self.interactive_mode
        prefix, _, _ = self.api_version.rpartition("/")
        return "IfAvailable" if prefix == "client.authentication.k8s.io" else ""


@dataclass(frozen=True, slots=True)
class AuthProvider:
    """A credential plugin that was compiled into clients; only ``oidc`` is left. ``config`` may hold secrets."""

    name: str = ""
    config: Mapping[str, str] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, repr=False)
class User:
    """How to prove who one is; kubectl calls it AuthInfo."""

    client_certificate: str = ""
    client_certificate_data: str = ""
    client_key: str = ""
    client_key_data: str = ""
    token: str = ""
    token_file: str = ""
    impersonate: str = ""
    impersonate_uid: str = ""
    impersonate_groups: tuple[str, ...] = ()
    impersonate_extra: Mapping[str, tuple[str, ...] | None] = field(default_factory=dict)
    username: str = ""
    password: str = ""
    auth_provider: AuthProvider | None = None
    exec: ExecConfig | None = None
    extensions: tuple[NamedExtension, ...] = ()

    __repr__ = _repr


@dataclass(frozen=True, slots=True)
class Preferences:
    """Settings that hardly anything reads; deprecated since Kubernetes 1.34."""

    colors: bool = False
    extensions: tuple[NamedExtension, ...] = ()


Body = Cluster | Context | User
