"""A merged kubeconfig that can be shown: what kubectl hides, and the secrets that it forgets.

kubectl hides tokens, passwords and ``*-data``. It shows arguments and environment values of exec plugins, auth-provider
settings and passwords inside a proxy's URL; where these hold a secret they are hidden here too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from eksauth.kubeconfig.model import AuthProvider, Cluster, ExecConfig, ExecEnvVar, User
from eksauth.kubeconfig.resolve import Merged

REDACTED = "REDACTED"
OMITTED = "DATA+OMITTED"
_SECRET_WORDS = ("secret", "token", "password", "passwd", "passphrase", "private", "credential", "api_key", "apikey")
_NAMES_OF_FILES = ("_file", "_path", "_uri", "_url", "_arn", "_dir", "-file", "-path", "-uri", "-url", "-dir")
_BEARER = re.compile(r"(bearer\s+)[^\s'\"]+", re.IGNORECASE)


def redact(merged: Merged) -> Merged:
    """Return ``merged`` without secrets."""
    clusters = {name: replace(found, value=redact_cluster(found.value)) for name, found in merged.clusters.items()}
    users = {name: replace(found, value=redact_user(found.value)) for name, found in merged.users.items()}
    return replace(merged, clusters=clusters, users=users)


def redact_cluster(cluster: Cluster) -> Cluster:
    """Return a cluster without its CA data and without a password in the proxy's URL."""
    data = OMITTED if cluster.certificate_authority_data else ""
    return replace(cluster, certificate_authority_data=data, proxy_url=_proxy(cluster.proxy_url))


def redact_user(user: User) -> User:
    """Return a user without tokens, passwords, certificate and key data."""
    return replace(
        user,
        client_certificate_data=OMITTED if user.client_certificate_data else "",
        client_key_data=OMITTED if user.client_key_data else "",
        token=REDACTED if user.token else "",
        password=REDACTED if user.password else "",
        auth_provider=user.auth_provider and _provider(user.auth_provider),
        exec=user.exec and _exec(user.exec),
    )


def is_secret_name(name: str) -> bool:
    """Tell whether a variable or setting of that name holds a secret; names of files, URLs and ARNs do not."""
    lower = name.lower()
    return any(word in lower for word in _SECRET_WORDS) and not lower.endswith(_NAMES_OF_FILES)


def redact_arguments(arguments: Sequence[str]) -> tuple[str, ...]:
    """Return a program's arguments without the secrets in ``--token=…``, ``TOKEN=…``, ``--token …``, ``Bearer …``."""
    shown: list[str] = []
    follows = False
    for argument in arguments:
        name, equals, value = argument.partition("=")
        secret = is_secret_name(name) and (name.startswith("-") or bool(equals))
        if secret and value:
            shown.append(f"{name}={REDACTED}")
        elif follows and not argument.startswith("-"):
            shown.append(REDACTED)
        else:
            shown.append(_BEARER.sub(rf"\1{REDACTED}", argument))
        follows = secret and not equals
    return tuple(shown)


def _proxy(url: str) -> str:
    try:
        secret = urlsplit(url).password
    except ValueError:
        return REDACTED
    if not secret:
        return url
    before, _, host = url.rpartition("@")
    return f"{before.removesuffix(secret)}{REDACTED}@{host}"


def _provider(provider: AuthProvider) -> AuthProvider:
    if provider.config is None:
        return provider
    hidden = {key: REDACTED if value and is_secret_name(key) else value for key, value in provider.config.items()}
    return replace(provider, config=hidden)


def _exec(plugin: ExecConfig) -> ExecConfig:
    return replace(
        plugin,
        args=plugin.args and redact_arguments(plugin.args),
        env=plugin.env
        and tuple(
            ExecEnvVar(var.name, REDACTED if var.value and is_secret_name(var.name) else var.value)
            for var in plugin.env
        ),
    )
