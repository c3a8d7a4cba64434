"""What is wrong with an entry when it is used: references into nothing, settings that contradict each other.

kubectl loads such a file without a word and fails at the first command, or connects to ``localhost:8080``. The texts
follow kubectl's where it has one. Source: client-go's ``validation.go``, confirmed with kubectl.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from eksauth.kubeconfig.located import located_cluster, located_user
from eksauth.kubeconfig.model import Cluster, Context, ExecConfig, User
from eksauth.kubeconfig.referenced import open_referenced
from eksauth.kubeconfig.resolve import Found, Merged, Place

Unreadable = Callable[[Path], str | None]
_EXEC_GROUP = "client.authentication.k8s.io"
_MODES = frozenset(("Never", "IfAvailable", "Always"))
_PROXY_SCHEMES = frozenset(("http", "https", "socks5"))


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason why an entry cannot be used as it is.

    :ivar place: file and line of the entry.
    :ivar message: what is wrong, in kubectl's words where it has them.
    :ivar hint: how to mend it.
    :ivar code: stable name such as ``kubeconfig.dangling``.
    :ivar fatal: whether kubectl refuses it; False where it goes on to something that nobody wants.
    """

    place: Place
    message: str
    hint: str
    code: str
    fatal: bool = True


def unreadable(path: Path) -> str | None:
    """Return why a file cannot be read, or None when it can."""
    try:
        os.close(open_referenced(path))
    except OSError as error:
        return (error.strerror or "unreadable").lower()
    return None


def check_context(merged: Merged, found: Found[Context], cwd: Path, why: Unreadable = unreadable) -> list[Finding]:
    """Return what keeps a context from working: dangling references, then its cluster, then its user.

    :param cwd: the working directory, absolute.
    :param why: tells why a file cannot be read.
    """
    findings = []
    context = found.value
    for what, name, section in (("cluster", context.cluster, merged.clusters), ("user", context.user, merged.users)):
        if name and name in section:
            continue
        ends = "connects to localhost:8080" if what == "cluster" else "asks for a user name"
        message = f'{what} "{name}" does not exist' if name else f"no {what} is named"
        hint = f"add the {what} or name another one; kubectl {ends}"
        findings.append(
            Finding(found.place, f'context "{found.name}": {message}', hint, "kubeconfig.dangling", fatal=False)
        )
    if context.cluster in merged.clusters:
        findings += check_cluster(merged.clusters[context.cluster], cwd, why)
    if context.user in merged.users:
        findings += check_user(merged.users[context.user], cwd, why)
    return findings


def check_cluster(found: Found[Cluster], cwd: Path, why: Unreadable = unreadable) -> list[Finding]:
    """Return what keeps a cluster entry from working."""
    return [Finding(found.place, *finding) for finding in _cluster(found.name, located_cluster(found, cwd), why)]


def check_user(found: Found[User], cwd: Path, why: Unreadable = unreadable) -> list[Finding]:
    """Return what keeps a user entry from working."""
    return [Finding(found.place, *finding) for finding in _user(found.name, located_user(found, cwd), why)]


_Reason = tuple[str, str, str] | tuple[str, str, str, bool]


def _cluster(name: str, cluster: Cluster, why: Unreadable) -> Iterator[_Reason]:
    if not cluster.server:
        hint = "add the address of the API server; kubectl connects to localhost:8080"
        yield f"no server found for cluster {name}", hint, "kubeconfig.server", False
    if cluster.proxy_url and (reason := _proxy_reason(cluster.proxy_url)):
        yield f"invalid 'proxy-url' for cluster {name}: {reason}", "correct the address", "kubeconfig.proxy"
    data, path = cluster.certificate_authority_data, cluster.certificate_authority
    if data and path:
        message = f"certificate-authority-data and certificate-authority are both specified for {name}"
        yield message, "remove one of the two", "kubeconfig.both"
    if cluster.insecure_skip_tls_verify and (data or path):
        message = f"specifying a root certificates file with the insecure flag is not allowed for {name}"
        yield message, "remove insecure-skip-tls-verify", "kubeconfig.insecure"
    if path and (reason := why(Path(path))):
        message = f"unable to read certificate-authority {path} for {name}: {reason}"
        yield message, "correct the path; relative ones start from the kubeconfig's directory", "kubeconfig.file"


def _proxy_reason(url: str) -> str | None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "not an address"
    if parts.scheme not in _PROXY_SCHEMES:
        return f'unsupported scheme "{parts.scheme}", must be http, https, or socks5'
    return None


def _user(name: str, user: User, why: Unreadable) -> Iterator[_Reason]:
    methods = []
    if user.token:
        methods.append("token")
    if user.username or user.password:
        methods.append("basicAuth")
    if user.client_certificate or user.client_certificate_data:
        yield from _client_certificate(name, user, why)
    if user.exec is not None:
        if user.auth_provider is not None:
            message = f"authProvider cannot be provided in combination with an exec plugin for {name}"
            yield message, "remove one of the two", "kubeconfig.both"
        yield from _exec(name, user.exec)
    if len(methods) > 1:
        found = " ".join(methods)
        message = f"more than one authentication method found for {name}; found [{found}], only one is allowed"
        yield message, "remove one of them", "kubeconfig.methods"
    if user.auth_provider is not None and user.auth_provider.name != "oidc":
        yield _removed_provider(user.auth_provider.name)
    if user.token_file and (reason := why(Path(user.token_file))):
        yield f"unable to read tokenFile {user.token_file} for {name}: {reason}", "correct the path", "kubeconfig.file"
    others = user.impersonate_uid or user.impersonate_groups or user.impersonate_extra
    if others and not user.impersonate:
        message = f"requesting uid, groups or user-extra for {name} without impersonating a user"
        yield message, "add 'as: USER'", "kubeconfig.impersonation"


def _client_certificate(name: str, user: User, why: Unreadable) -> Iterator[_Reason]:
    pairs = (
        ("client-cert", "client-certificate", user.client_certificate, user.client_certificate_data),
        ("client-key", "client-key", user.client_key, user.client_key_data),
    )
    for short, key, path, data in pairs:
        if path and data:
            message = f"{short}-data and {short} are both specified for {name}"
            yield message, f"remove {key} or {key}-data", "kubeconfig.both"
        elif path and (reason := why(Path(path))):
            message = f"unable to read {short} {path} for {name}: {reason}"
            yield message, "correct the path; relative ones start from the kubeconfig's directory", "kubeconfig.file"
    if not (user.client_key or user.client_key_data):
        message = f"client-key-data or client-key must be specified for {name} to use clientCert authentication"
        yield message, "add the key that belongs to the certificate", "kubeconfig.key"


def _exec(name: str, plugin: ExecConfig) -> Iterator[_Reason]:
    must = f"must be specified for {name} to use exec authentication plugin"
    if not plugin.command:
        yield f"command {must}", "add 'command: eksauth' or another plugin", "kubeconfig.exec"
    if not plugin.api_version:
        yield f"apiVersion {must}", f"add 'apiVersion: {_EXEC_GROUP}/v1'", "kubeconfig.exec"
    elif plugin.api_version not in {f"{_EXEC_GROUP}/v1", f"{_EXEC_GROUP}/v1beta1"}:
        message = f'exec plugin of {name}: invalid apiVersion "{plugin.api_version}"'
        yield message, f"change it to {_EXEC_GROUP}/v1", "kubeconfig.exec_version"
    if any(not variable.name for variable in plugin.env or ()):
        yield f"env variable name {must}", "name each variable", "kubeconfig.exec"
    mode = plugin.mode()
    if not mode:
        yield f"interactiveMode {must}", "add 'interactiveMode: IfAvailable'", "kubeconfig.exec"
    elif mode not in _MODES:
        message = f'invalid interactiveMode for {name}: "{mode}"'
        yield message, "write Never, IfAvailable or Always", "kubeconfig.exec"


def _removed_provider(name: str) -> _Reason:
    replacement = {"gcp": "gke-gcloud-auth-plugin", "azure": "kubelogin"}.get(name)
    if replacement:
        return f"the {name} auth plugin has been removed", f"use the exec plugin {replacement}", "kubeconfig.provider"
    return f'no Auth Provider found for name "{name}"', "use an exec plugin", "kubeconfig.provider"
