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
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

from eksauth import __version__
from eksauth.errors import ConfigError, KubernetesError
from eksauth.kube.credentials import TargetCredentials
from eksauth.kube.target import Target, target_of

__all__ = ["Connection", "Target", "proxy_of", "target_of"]
_MAX_ANSWER = 64 * 1024 * 1024


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
        self._credentials = TargetCredentials(target, encrypted=self._url.scheme == "https")

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
        if status == 401 and self._credentials.uses_plugin():
            self._credentials.forget()
            status, body = self._once(method, path, sent)
        if status == 401:
            raise KubernetesError(
                f"the API server at {self._host} does not accept the credentials (401 Unauthorized)",
                hint="see who it should be with eksauth ctx, and why not with eksauth decode TOKEN",
                code="kubernetes.unauthorized",
            )
        return status, body

    def _once(self, method: str, path: str, sent: bytes | None) -> tuple[int, bytes]:
        headers = [
            ("Accept", "application/json"),
            ("User-Agent", f"eksauth/{__version__}"),
            *self._credentials.headers(),
        ]
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
        proxy = proxy_of(target.cluster.proxy_url, self._url, target.environ)
        if self._url.scheme == "http":
            if proxy is not None:
                raise ConfigError(
                    "a proxy for an http server is not supported", hint="use https", code="kubernetes.proxy"
                )
            return http.client.HTTPConnection(host, port, timeout=timeout)
        name = target.cluster.tls_server_name or host
        if proxy is None:
            return _Https(host, port, timeout=timeout, context=self._credentials.tls(), server_name=name)
        connection = _Https(
            proxy.hostname or "", proxy.port or 80, timeout=timeout, context=self._credentials.tls(), server_name=name
        )
        headers = {}
        if proxy.username is not None:
            pair = f"{proxy.username}:{proxy.password or ''}".encode()
            headers["Proxy-Authorization"] = "Basic " + base64.b64encode(pair).decode()
        connection.set_tunnel(host, port or 443, headers)
        return connection


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


def proxy_of(written: str, url: SplitResult, environ: Mapping[str, str]) -> SplitResult | None:
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
