"""Asking an API server who a token belongs to: SelfSubjectReview, which every authenticated user may create.

API: https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/self-subject-review-v1/ (v1 since
Kubernetes 1.28, v1beta1 since 1.27).
"""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from eksauth.errors import KubernetesError

_MAX_ANSWER = 1024 * 1024
_PATH = "/apis/authentication.k8s.io/{version}/selfsubjectreviews"


@dataclass(frozen=True, slots=True)
class UserInfo:
    """Who the API server says the caller is."""

    username: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def whoami(endpoint: str, ca_pem: str | None, token: str, *, timeout: float = 30.0) -> UserInfo:
    """Return the user that the API server takes the token for.

    :param endpoint: the server's URL, https only; a path in it is kept (proxies of several clusters have one).
    :param ca_pem: the CA certificates to trust, PEM text; None trusts what the system trusts.
    :param timeout: seconds for each network step.
    :raises KubernetesError: ``kubernetes.unauthorized`` (401), ``kubernetes.forbidden`` (403),
        ``kubernetes.unreachable``, ``kubernetes.untrusted`` (TLS), ``kubernetes.unsupported`` (no such API) or
        ``kubernetes.answer``.
    """
    try:
        context = ssl.create_default_context(cadata=ca_pem)
    except ssl.SSLError as error:
        raise KubernetesError(
            "the cluster's CA is no PEM certificate",
            hint="check certificate-authority-data in the kubeconfig",
            code="kubernetes.ca",
        ) from error
    return _asked(lambda version: _post(endpoint, context, token, version, timeout))


class Poster(Protocol):
    """What sends a POST: :class:`eksauth.kube.connection.Connection`."""

    def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Return status and body of the answer."""


def whoami_through(connection: Poster) -> UserInfo:
    """Return the user that the API server takes a context's own credentials for.

    :raises KubernetesError: as :func:`whoami` does.
    :raises CredentialsError: when the context's credentials cannot be had.
    """
    return _asked(lambda version: connection.post(_PATH.format(version=version), _review(version)))


def _asked(post: Callable[[str], tuple[int, bytes]]) -> UserInfo:
    status, body = 0, b""
    for version in ("v1", "v1beta1"):
        status, body = post(version)
        if status != 404:
            break
    if status == 404:
        raise KubernetesError(
            "the API server does not serve SelfSubjectReview",
            hint="it needs Kubernetes 1.28, or 1.27 with the beta API",
            code="kubernetes.unsupported",
        )
    if status == 401:
        raise KubernetesError(
            "the API server answered 401 Unauthorized: it does not accept the token",
            hint="see why with: eksauth decode TOKEN, and on the server's side: eksauth verify TOKEN",
            code="kubernetes.unauthorized",
        )
    if status == 403:
        raise KubernetesError(
            f"the API server answered 403 Forbidden: {_message(body)}",
            hint="the token is accepted, but the user lacks the default role system:basic-user",
            code="kubernetes.forbidden",
        )
    if not 200 <= status < 300:
        raise KubernetesError(f"the API server answered {status}: {_message(body)}", code="kubernetes.answer")
    return _user(body)


def _post(endpoint: str, context: ssl.SSLContext, token: str, version: str, timeout: float) -> tuple[int, bytes]:
    try:
        url = urlsplit(endpoint)
        host, port = url.hostname, url.port
    except ValueError:
        host, port, url = None, None, urlsplit("")
    if url.scheme != "https" or not host:
        raise KubernetesError(
            "the cluster's endpoint is no https URL", hint="check server in the kubeconfig", code="kubernetes.endpoint"
        )
    if not token.isascii() or not token.isprintable() or " " in token:
        raise KubernetesError(
            "the token holds characters that no bearer token has",
            hint="check it for line feeds and quotes",
            code="kubernetes.token",
        )
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Accept": "application/json"}
    connection = http.client.HTTPSConnection(host, port, timeout=timeout, context=context)
    try:
        connection.request("POST", url.path.rstrip("/") + _PATH.format(version=version), _review(version), headers)
        response = connection.getresponse()
        return response.status, response.read(_MAX_ANSWER)
    except ssl.SSLCertVerificationError as error:
        raise KubernetesError(
            f"the certificate of {host} is not trusted: {error.verify_message}",
            hint="the kubeconfig's CA is not this cluster's, or something intercepts the connection",
            code="kubernetes.untrusted",
        ) from error
    except (OSError, http.client.HTTPException) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise KubernetesError(
            f"cannot reach the API server at {host}: {str(why).lower()}",
            hint="check the endpoint, the network and any proxy; a private endpoint answers inside its VPC only",
            code="kubernetes.unreachable",
        ) from error
    finally:
        connection.close()


def _review(version: str) -> bytes:
    return json.dumps({"apiVersion": f"authentication.k8s.io/{version}", "kind": "SelfSubjectReview"}).encode()


def _message(body: bytes) -> str:
    try:
        message = json.loads(body)["message"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return "no further words"
    return " ".join(str(message).split())[:500]


def _user(body: bytes) -> UserInfo:
    try:
        info: dict[str, Any] = json.loads(body)["status"]["userInfo"]
        return UserInfo(
            username=str(info["username"]),
            groups=tuple(map(str, info.get("groups") or ())),
            uid=str(info.get("uid") or ""),
            extra={str(key): tuple(map(str, values)) for key, values in (info.get("extra") or {}).items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise KubernetesError(
            "the API server's answer is no SelfSubjectReview",
            hint="is the endpoint really a Kubernetes API server",
            code="kubernetes.answer",
        ) from error
