"""A merged kubeconfig that can be saved anywhere: files that it names are taken in, other paths made absolute."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from eksauth.errors import ConfigError
from eksauth.kubeconfig.located import located_cluster, located_user
from eksauth.kubeconfig.model import Cluster, User
from eksauth.kubeconfig.referenced import read_referenced
from eksauth.kubeconfig.resolve import Found, Merged


def flatten(merged: Merged, cwd: Path, read: Callable[[Path], bytes] = read_referenced) -> Merged:
    """Return ``merged`` with certificates and keys embedded.

    ``tokenFile`` and the exec command become absolute; kubectl leaves them as they are, so that they break as soon as
    its output is saved in another directory.

    :param cwd: the working directory, absolute.
    :raises ConfigError: when a file cannot be read, or an entry has both a file and data.
    """
    clusters = {name: replace(found, value=_cluster(found, cwd, read)) for name, found in merged.clusters.items()}
    users = {name: replace(found, value=_user(found, cwd, read)) for name, found in merged.users.items()}
    return replace(merged, clusters=clusters, users=users)


def _cluster(found: Found[Cluster], cwd: Path, read: Callable[[Path], bytes]) -> Cluster:
    cluster = located_cluster(found, cwd)
    data = _embed(
        found, "certificate-authority", cluster.certificate_authority, cluster.certificate_authority_data, read
    )
    return replace(cluster, certificate_authority="", certificate_authority_data=data)


def _user(found: Found[User], cwd: Path, read: Callable[[Path], bytes]) -> User:
    user = located_user(found, cwd)
    return replace(
        user,
        client_certificate="",
        client_certificate_data=_embed(
            found, "client-certificate", user.client_certificate, user.client_certificate_data, read
        ),
        client_key="",
        client_key_data=_embed(found, "client-key", user.client_key, user.client_key_data, read),
    )


def _embed(found: Found[Cluster] | Found[User], key: str, path: str, data: str, read: Callable[[Path], bytes]) -> str:
    if not path:
        return data
    what = found.entry.what if found.entry else found.name
    if data:
        raise ConfigError(
            f"{found.place}: {what} has both {key} and {key}-data",
            hint="remove one of the two; kubectl refuses them together",
            code="kubeconfig.both",
        )
    try:
        return base64.b64encode(read(Path(path))).decode()
    except OSError as error:
        raise ConfigError(
            f"{found.place}: {what}: {key} {path}: {(error.strerror or 'unreadable').lower()}",
            hint="correct the path; relative ones start from the kubeconfig's directory",
            code="kubeconfig.file",
        ) from None
