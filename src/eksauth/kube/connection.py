"""Talking to an API server with a context's own credentials, as kubectl would, and a little more patient.

Token, token file, client certificate, user name and password, credential plugins and impersonation; CA, server name and
proxy of the cluster. A request that is refused with 401 is sent once more with a new credential of the plugin; kubectl
runs the plugin again and does not repeat the request.
"""

from __future__ import annotations

import base64
import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import SplitResult, quote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

from eksauth import __version__
from eksauth.errors import ConfigError, CredentialsError, KubernetesError
from eksauth.kube.exec_plugin import Credential, PluginCall, run_plugin
from eksauth.kube.plugin_policy import PluginPolicy, read_policy
from eksauth.kube.tls import TlsSettings, tls_context
from eksauth.kubeconfig.located import located_cluster, located_user
from eksauth.kubeconfig.model import Cluster, User
from eksauth.kubeconfig.referenced import read_referenced
from eksauth.kubeconfig.resolve import Merged
from eksauth.kubeconfig.usable import check_context

Headers = list[tuple[str, str]]
_MAX_ANSWER = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Target:
    """A cluster and a user of a context, with all paths absolute.

    :ivar environ: for plugins and proxies.
    :ivar terminal: whether a plugin may ask the person at the terminal.
    :ivar timeout: seconds for each step on the network, and for a plugin.
    """

    context: str
    cluster: Cluster
    user: User
    user_name: str
    environ: Mapping[str, str] = field(repr=False)
    terminal: bool = False
    timeout: float = 30.0


def target_of(
    merged: Merged,
    context: str | None,
    *,
    cwd: Path,
    environ: Mapping[str, str],
    terminal: bool = False,
    timeout: float = 30.0,
) -> Target:
    """Return what a context leads to.

    :param context: None is the current one.
    :raises ConfigError: when the context, its cluster or its user is missing or contradicts itself.
    """
    found = merged.context(context)
    for finding in check_context(merged, found, cwd):
        raise ConfigError(f"{finding.place}: {finding.message}", hint=finding.hint, code=finding.code)
    user = merged.users[found.value.user]
    cluster = located_cluster(merged.clusters[found.value.cluster], cwd)
    return Target(found.name, cluster, located_user(user, cwd), user.name, environ, terminal, timeout)


class Connection:
    """Requests to one API server, one after the other."""

    def __init__(self, target: Target) -> None:
        self._target = target
        try:
            self._url = urlsplit(target.cluster.server)
            self._port = self._url.port
        except ValueError:
            self._url = SplitResult("", "", "", "", "")
        if self._url.scheme not in {"https", "http"} or not self._url.hostname:
            raise ConfigError(
                f'the server of context "{target.context}" is no address',
                hint="check server in the kubeconfig",
                code="kubernetes.endpoint",
            )
        self._host: str = self._url.hostname or ""
        self._credential: Credential | None = None
        self._tls: ssl.SSLContext | None = None

    def get(self, path: str) -> tuple[int, bytes]:
        """Return status and body of a GET; ``path`` begins with a slash and may have a query.

        :raises KubernetesError: as :meth:`post` does.
        :raises CredentialsError: when the credentials cannot be had.
        """
        return self._asked("GET", path, None)

    def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Return status and body of a POST of JSON.

        :raises KubernetesError: ``kubernetes.unreachable``, ``kubernetes.untrusted``, ``kubernetes.unauthorized``.
        :raises CredentialsError: when the credentials cannot be had.
        """
        return self._asked("POST", path, body)

    def _asked(self, method: str, path: str, sent: bytes | None) -> tuple[int, bytes]:
        status, body = self._once(method, path, sent)
        if status == 401 and self._uses_plugin():
            self._credential = self._tls = None
            status, body = self._once(method, path, sent)
        if status == 401:
            raise KubernetesError(
                f"the API server at {self._host} does not accept the credentials (401 Unauthorized)",
                hint="see who it should be with eksauth ctx, and why not with eksauth decode TOKEN",
                code="kubernetes.unauthorized",
            )
        return status, body

    def _once(self, method: str, path: str, sent: bytes | None) -> tuple[int, bytes]:
        headers = [("Accept", "application/json"), ("User-Agent", f"eksauth/{__version__}"), *self._authorization()]
        connection = self._connect()
        try:
            connection.putrequest(method, self._url.path.rstrip("/") + path)
            if sent is not None:
                headers += [("Content-Type", "application/json"), ("Content-Length", str(len(sent)))]
            for name, value in headers:
                connection.putheader(name, value)
            connection.endheaders(sent)
            response = connection.getresponse()
            return response.status, response.read(_MAX_ANSWER)
        except ssl.SSLCertVerificationError as error:
            raise KubernetesError(
                f"the certificate of {self._host} is not trusted: {error.verify_message}",
                hint="the kubeconfig's CA is not this cluster's, or something intercepts the connection",
                code="kubernetes.untrusted",
            ) from None
        except (OSError, http.client.HTTPException) as error:
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise KubernetesError(
                f"cannot reach the API server at {self._host}: {str(why).lower()[:300]}",
                hint="check the network and any proxy; a private endpoint answers inside its VPC only",
                code="kubernetes.unreachable",
            ) from None
        finally:
            connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        target, host, port = self._target, self._host, self._port
        timeout = target.timeout
        proxy = _proxy(target.cluster.proxy_url, self._url, target.environ)
        if self._url.scheme == "http":
            if proxy is not None:
                raise ConfigError(
                    "a proxy for an http server is not supported", hint="use https", code="kubernetes.proxy"
                )
            return http.client.HTTPConnection(host, port, timeout=timeout)
        name = target.cluster.tls_server_name or host
        if proxy is None:
            return _Https(host, port, timeout=timeout, context=self._context(), server_name=name)
        connection = _Https(
            proxy.hostname or "", proxy.port or 80, timeout=timeout, context=self._context(), server_name=name
        )
        headers = {}
        if proxy.username is not None:
            pair = f"{proxy.username}:{proxy.password or ''}".encode()
            headers["Proxy-Authorization"] = "Basic " + base64.b64encode(pair).decode()
        connection.set_tunnel(host, port or 443, headers)
        return connection

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            cluster, user = self._target.cluster, self._target.user
            credential = self._plugin_credential() if self._uses_plugin() else Credential()
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

    def _uses_plugin(self) -> bool:
        """Tell whether the plugin counts: a token wins over it, and plain HTTP gets no secrets, as in kubectl."""
        user = self._target.user
        static = user.token or user.token_file or user.username
        return self._url.scheme == "https" and user.exec is not None and not static

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

    def _authorization(self) -> Headers:
        user = self._target.user
        headers = _impersonation(user)
        if self._url.scheme != "https":
            return headers
        if user.auth_provider is not None and not (user.token or user.token_file):
            raise CredentialsError(
                f'user "{self._target.user_name}" needs the auth provider {user.auth_provider.name}, not built in here',
                hint="use an exec plugin instead, such as kubectl oidc-login",
                code="kubernetes.provider",
            )
        token = _token_from_file(user.token_file) if user.token_file else user.token
        if not token and self._uses_plugin():
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


class _Https(http.client.HTTPSConnection):
    """HTTPS whose certificate is checked against a name of our choice (``tls-server-name``)."""

    def __init__(
        self, host: str, port: int | None, *, timeout: float, context: ssl.SSLContext, server_name: str
    ) -> None:
        super().__init__(host, port, timeout=timeout, context=context)
        self._tls = context
        self._server_name = server_name

    def connect(self) -> None:
        """Connect, through the proxy if there is one, then speak TLS."""
        http.client.HTTPConnection.connect(self)
        self.sock = self._tls.wrap_socket(self.sock, server_hostname=self._server_name)


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


def _proxy(written: str, url: SplitResult, environ: Mapping[str, str]) -> SplitResult | None:
    """Return the proxy for ``url``: the cluster's own, else the environment's; never one for this machine itself."""
    given = written
    if not given:
        host = url.hostname or ""
        proxies = _environment_proxies(environ)
        if host == "localhost" or host.startswith("127.") or host == "::1":
            return None
        if proxy_bypass_environment(host, {"no": proxies.get("no", "")}):
            return None
        given = proxies.get(url.scheme, "")
    if not given:
        return None
    try:
        parts = urlsplit(given if "://" in given else f"http://{given}")
        good = parts.scheme == "http" and bool(parts.hostname) and (parts.port or 80) > 0
    except ValueError:
        good, parts = False, SplitResult("", "", "", "", "")
    if not good:
        raise ConfigError(
            f"a proxy of the kind {parts.scheme or 'given'} is not supported",
            hint="eksauth speaks to http proxies; eksauth ns NAME --force does not ask the cluster",
            code="kubernetes.proxy",
        )
    return parts


def _environment_proxies(environ: Mapping[str, str]) -> dict[str, str]:
    import os

    if environ is os.environ:
        return getproxies_environment()
    names = {"https": ("https_proxy", "HTTPS_PROXY"), "http": ("http_proxy",), "no": ("no_proxy", "NO_PROXY")}
    return {kind: next((environ[name] for name in given if environ.get(name)), "") for kind, given in names.items()}
