"""How a target's user proves who it is: headers, client certificate, plugin. Reads files and may run a program."""

from __future__ import annotations

import base64
import ssl
from dataclasses import replace
from urllib.parse import quote

from eksauth.errors import ConfigError, CredentialsError
from eksauth.kube.exec_plugin import Credential, PluginCall, run_plugin
from eksauth.kube.plugin_policy import PluginPolicy, read_policy
from eksauth.kube.target import Target
from eksauth.kube.tls import TlsSettings, tls_context
from eksauth.kubeconfig.model import Cluster, User
from eksauth.kubeconfig.referenced import read_referenced

Headers = list[tuple[str, str]]


class TargetCredentials:
    """The credentials of one target; files of tokens are read each time, because they rotate.

    :param encrypted: the connection is; plain HTTP gets no secrets, as in kubectl.
    """

    def __init__(self, target: Target, *, encrypted: bool) -> None:
        self._target = target
        self._encrypted = encrypted
        self._credential: Credential | None = None
        self._tls: ssl.SSLContext | None = None

    def forget(self) -> None:
        """Have the plugin asked again, because what it gave was refused."""
        self._credential = self._tls = None

    def tls(self) -> ssl.SSLContext:
        """Return what the connection is encrypted with, the client certificate included.

        :raises ConfigError: when certificates or keys cannot be read.
        :raises CredentialsError: when the plugin gives none.
        """
        if self._tls is None:
            cluster, user = self._target.cluster, self._target.user
            credential = self._plugin_credential() if self.uses_plugin() else Credential()
            self._tls = tls_context(
                TlsSettings(
                    ca_file=cluster.certificate_authority,
                    ca_data=cluster.certificate_authority_data,
                    insecure=cluster.insecure_skip_tls_verify,
                    certificate_file=user.client_certificate,
                    certificate_data=user.client_certificate_data,
                    key_file=user.client_key,
                    key_data=user.client_key_data,
                    certificate_pem=credential.certificate,
                    key_pem=credential.key,
                )
            )
        return self._tls

    def uses_plugin(self) -> bool:
        """Tell whether the plugin counts: a token wins over it."""
        user = self._target.user
        static = user.token or user.token_file or user.username
        return self._encrypted and user.exec is not None and not static

    def _plugin_credential(self) -> Credential:
        plugin = self._target.user.exec
        if self._credential is None and plugin is not None:
            target = self._target
            policy: PluginPolicy = read_policy(target.environ)
            cluster = _with_ca_data(target.cluster) if plugin.provide_cluster_info else target.cluster
            call = PluginCall(
                plugin,
                target.user_name,
                cluster,
                target.environ,
                target.terminal,
                policy,
                timeout=max(60, target.timeout),
            )
            self._credential = run_plugin(replace(call, timeout=None) if target.terminal else call)
        return self._credential or Credential()

    def headers(self) -> Headers:
        """Return what goes with each request.

        :raises CredentialsError: when the credentials cannot be had.
        """
        user = self._target.user
        headers = _impersonation(user)
        if not self._encrypted:
            return headers
        if user.auth_provider is not None and not (user.token or user.token_file):
            raise CredentialsError(
                f'user "{self._target.user_name}" needs the auth provider {user.auth_provider.name}, not built in here',
                hint="use an exec plugin instead, such as kubectl oidc-login",
                code="kubernetes.provider",
            )
        token = _token_from_file(user.token_file) if user.token_file else user.token
        if not token and self.uses_plugin():
            token = self._plugin_credential().token
        if token:
            if not token.isascii() or not token.isprintable():
                raise CredentialsError(
                    f'the token of user "{self._target.user_name}" holds characters that no token has',
                    hint="check it for line feeds and quotes",
                    code="kubernetes.token",
                )
            headers.append(("Authorization", f"Bearer {token}"))
        elif user.username or user.password:
            pair = base64.b64encode(f"{user.username}:{user.password}".encode()).decode()
            headers.append(("Authorization", f"Basic {pair}"))
        return headers


def _impersonation(user: User) -> Headers:
    headers = [("Impersonate-User", user.impersonate)] if user.impersonate else []
    headers += [("Impersonate-Uid", user.impersonate_uid)] if user.impersonate_uid else []
    headers += [("Impersonate-Group", group) for group in user.impersonate_groups]
    for key, values in user.impersonate_extra.items():
        headers += [(f"Impersonate-Extra-{quote(key.lower(), safe='')}", value) for value in values or ()]
    return headers


def _token_from_file(path: str) -> str:
    try:
        return read_referenced(path).decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise CredentialsError(f"{path}: {reason.lower()}", hint="check tokenFile", code="kubernetes.token") from None


def _with_ca_data(cluster: Cluster) -> Cluster:
    if not cluster.certificate_authority:
        return cluster
    try:
        data = base64.b64encode(read_referenced(cluster.certificate_authority)).decode()
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise ConfigError(f"{cluster.certificate_authority}: {reason}", code="kubeconfig.file") from None
    return replace(cluster, certificate_authority="", certificate_authority_data=data)
