"""The kubeconfig that names a token webhook: where it is, how to trust it, and what to show it."""

from __future__ import annotations

import base64
import binascii
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from eksauth.errors import ConfigError


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """Where TokenReviews go; the token, if any, authenticates us to the webhook."""

    url: str
    tls: ssl.SSLContext | None
    server_name: str | None = None
    bearer_token: str | None = field(default=None, repr=False)


def read_webhook_config(path: Path) -> WebhookEndpoint:
    """Read the current context of a webhook kubeconfig, as ``--authentication-token-webhook-config-file`` takes it.

    Relative file names count from the kubeconfig's directory.

    :raises ConfigError: when the file cannot be read or does not name a usable server.
    """
    try:
        document = yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        why = (error.strerror or "unreadable").lower() if isinstance(error, OSError) else "not YAML"
        raise ConfigError(f"cannot read the webhook kubeconfig {path}: {why}", code="webhook.unreadable") from error
    if not isinstance(document, dict):
        raise _broken(path, "it is no mapping")
    context = _named(document, "contexts", "context", document.get("current-context"), path)
    cluster = _named(document, "clusters", "cluster", context.get("cluster"), path)
    user = _named(document, "users", "user", context["user"], path) if context.get("user") else {}
    server = cluster.get("server")
    if not isinstance(server, str) or not server.startswith(("https://", "http://")):
        raise _broken(path, "the cluster has no http or https server")
    try:
        tls = _tls(cluster, user, path.parent) if server.startswith("https://") else None
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError, a bad base64 text a ValueError
        raise _broken(path, "its certificates or keys cannot be loaded") from error
    return WebhookEndpoint(server, tls, cluster.get("tls-server-name") or None, _token(user, path))


def _named(document: Mapping[str, Any], plural: str, singular: str, name: Any, path: Path) -> Mapping[str, Any]:
    entries = document.get(plural)
    for entry in entries if isinstance(entries, list) else ():
        # an entry without a body is an empty one, as client-go reads it
        if isinstance(entry, dict) and entry.get("name") == name and isinstance(entry.get(singular) or {}, dict):
            found: Mapping[str, Any] = entry.get(singular) or {}
            return found
    raise _broken(path, f"there is no {singular} named {name}")


def _token(user: Mapping[str, Any], path: Path) -> str | None:
    if user.get("tokenFile"):
        try:
            return (path.parent / str(user["tokenFile"])).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise _broken(path, "its token file cannot be read") from error
    return str(user["token"]) if user.get("token") else None


def _tls(cluster: Mapping[str, Any], user: Mapping[str, Any], directory: Path) -> ssl.SSLContext:
    authority = _material(cluster, "certificate-authority", directory)
    context = ssl.create_default_context(cadata=authority.decode() if authority else None)
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    certificate = _material(user, "client-certificate", directory)
    key = _material(user, "client-key", directory)
    if certificate and key:
        with tempfile.NamedTemporaryFile(suffix=".pem") as pair:  # the ssl module loads chains from files only
            pair.write(certificate + b"\n" + key)
            pair.flush()
            context.load_cert_chain(pair.name)
    return context


def _material(entry: Mapping[str, Any], name: str, directory: Path) -> bytes | None:
    data = entry.get(f"{name}-data")
    if data:
        try:
            return base64.b64decode(str(data), validate=True)
        except binascii.Error as error:
            raise ValueError(name) from error
    return (directory / str(entry[name])).read_bytes() if entry.get(name) else None


def _broken(path: Path, why: str) -> ConfigError:
    return ConfigError(
        f"the webhook kubeconfig {path} is not usable: {why}",
        hint="it needs a current-context whose cluster names the webhook's https URL and CA",
        code="webhook.config",
    )
