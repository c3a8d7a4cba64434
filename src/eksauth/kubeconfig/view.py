"""A merged kubeconfig as plain values, with the keys and the order that ``kubectl config view`` prints.

Empty values are left out as kubectl does it: not ``server``, ``current-context``, ``provideClusterInfo``, nor the
lists ``args`` and ``env`` of a plugin. Empty ``preferences`` are left out as kubectl does it since 1.34.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from eksauth.kubeconfig.emit import Style, block
from eksauth.kubeconfig.model import AuthProvider, Cluster, Context, ExecConfig, NamedExtension, User
from eksauth.kubeconfig.resolve import Merged, bytewise


def as_dict(merged: Merged) -> dict[str, Any]:
    """Return JSON values in the order of ``kubectl config view -o json``; nothing is redacted."""
    preferences = _kept(
        {
            "colors": bool(merged.colors and merged.colors.value),
            "extensions": _extensions(found.value for found in merged.preference_extensions.values()),
        }
    )
    shown: dict[str, Any] = {"kind": "Config", "apiVersion": "v1"}
    if preferences:
        shown["preferences"] = preferences
    shown["clusters"] = [
        {"name": name, "cluster": cluster_dict(found.value)} for name, found in merged.clusters.items()
    ] or None
    shown["users"] = [{"name": name, "user": user_dict(found.value)} for name, found in merged.users.items()] or None
    shown["contexts"] = [
        {"name": name, "context": context_dict(found.value)} for name, found in merged.contexts.items()
    ] or None
    shown["current-context"] = merged.current_context.value if merged.current_context else ""
    if merged.extensions:
        shown["extensions"] = _extensions(found.value for found in merged.extensions.values())
    return shown


def as_json(values: Any) -> str:
    """Return values as ``kubectl -o json`` lays them out."""
    return json.dumps(values, indent=4, ensure_ascii=False)


def as_yaml(values: dict[str, Any]) -> str:
    """Return values as YAML in kubectl's layout: keys sorted, lists not indented."""
    return "".join(line + "\n" for line in block(_sorted(values), Style()))


def cluster_dict(cluster: Cluster) -> dict[str, Any]:
    """Return the body of a cluster entry."""
    return {"server": cluster.server} | _kept(
        {
            "tls-server-name": cluster.tls_server_name,
            "insecure-skip-tls-verify": cluster.insecure_skip_tls_verify,
            "certificate-authority": cluster.certificate_authority,
            "certificate-authority-data": cluster.certificate_authority_data,
            "proxy-url": cluster.proxy_url,
            "disable-compression": cluster.disable_compression,
            "extensions": _extensions(cluster.extensions),
        }
    )


def context_dict(context: Context) -> dict[str, Any]:
    """Return the body of a context entry."""
    return {"cluster": context.cluster, "user": context.user} | _kept(
        {"namespace": context.namespace, "extensions": _extensions(context.extensions)}
    )


def user_dict(user: User) -> dict[str, Any]:
    """Return the body of a user entry."""
    extra = {key: None if values is None else list(values) for key, values in user.impersonate_extra.items()}
    return _kept(
        {
            "client-certificate": user.client_certificate,
            "client-certificate-data": user.client_certificate_data,
            "client-key": user.client_key,
            "client-key-data": user.client_key_data,
            "token": user.token,
            "tokenFile": user.token_file,
            "as": user.impersonate,
            "as-uid": user.impersonate_uid,
            "as-groups": list(user.impersonate_groups),
            "as-user-extra": _sorted(extra),
            "username": user.username,
            "password": user.password,
            "auth-provider": user.auth_provider and _provider_dict(user.auth_provider),
            "exec": user.exec and exec_dict(user.exec),
            "extensions": _extensions(user.extensions),
        }
    )


def exec_dict(plugin: ExecConfig) -> dict[str, Any]:
    """Return the ``exec`` part of a user entry."""
    shown: dict[str, Any] = {
        "command": plugin.command,
        "args": None if plugin.args is None else list(plugin.args),
        "env": None if plugin.env is None else [{"name": var.name, "value": var.value} for var in plugin.env],
    }
    shown |= _kept({"apiVersion": plugin.api_version, "installHint": plugin.install_hint})
    shown["provideClusterInfo"] = plugin.provide_cluster_info
    return shown | _kept({"interactiveMode": plugin.mode()})


def _provider_dict(provider: AuthProvider) -> dict[str, Any]:
    return {"name": provider.name, "config": None if provider.config is None else _sorted(dict(provider.config))}


def _extensions(extensions: Iterable[NamedExtension]) -> list[dict[str, Any]]:
    ordered = sorted(extensions, key=lambda extension: bytewise(extension.name))
    return [{"name": extension.name, "extension": extension.extension} for extension in ordered]


def _kept(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value not in ("", None, False, [], {})}


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value, key=bytewise)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value
