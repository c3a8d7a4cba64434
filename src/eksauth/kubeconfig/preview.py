"""What a picker shows about a context before anybody chooses it: where it leads and as whom, without any secret."""

from __future__ import annotations

from urllib.parse import urlsplit

from eksauth.kubeconfig.contexts import ContextRow
from eksauth.kubeconfig.exec_identity import identity_of
from eksauth.kubeconfig.model import User
from eksauth.kubeconfig.resolve import Merged


def preview(merged: Merged, row: ContextRow) -> list[tuple[str, str]]:
    """Return labels and texts."""
    shown = [("cluster", row.cluster if row.server else f"{row.cluster or 'none'} (missing)")]
    shown.append(("server", _without_password(row.server)))
    user = merged.users.get(merged.contexts[row.name].value.user)
    shown.append(("user", row.user if user else f"{row.user or 'none'} (missing)"))
    if user:
        shown.append(("identity", describe_user(user.value)))
    shown.append(("namespace", row.namespace or "default"))
    if row.owner is not None and row.owner.account:
        shown.append(("account", f"{row.owner.account} {row.owner.region}"))
    shown.append(("file", str(row.file)))
    if row.protected:
        shown.append(("guard", "protected: asks first"))
    return [(label, text) for label, text in shown if text]


def describe_user(user: User) -> str:
    """Say how somebody proves who they are."""
    identity = identity_of(user)
    if identity is not None:
        return identity.describe()
    kinds = (
        (user.token or user.token_file, "a token"),
        (user.client_certificate or user.client_certificate_data, "a client certificate"),
        (user.exec, f"the plugin {user.exec.command}" if user.exec else ""),
        (user.username, f"user name {user.username}"),
        (user.auth_provider, f"the provider {user.auth_provider.name}" if user.auth_provider else ""),
    )
    return next((text for given, text in kinds if given), "no credentials")


def _without_password(server: str) -> str:
    try:
        parts = urlsplit(server)
    except ValueError:
        return server
    if parts.username is None and parts.password is None:
        return server
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
