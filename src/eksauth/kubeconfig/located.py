"""Entries with their relative paths made absolute: each path starts from the directory of the file that holds it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from eksauth.kubeconfig.model import Cluster, User
from eksauth.kubeconfig.paths import absolute, absolute_command, directory_of
from eksauth.kubeconfig.resolve import Found


def located_cluster(found: Found[Cluster], cwd: Path) -> Cluster:
    """Return a cluster with an absolute ``certificate-authority``.

    :param cwd: the working directory, absolute; relative file names in ``KUBECONFIG`` start there.
    """
    cluster = found.value
    directory = directory_of(found.document.path, cwd)
    return replace(cluster, certificate_authority=absolute(cluster.certificate_authority, directory))


def located_user(found: Found[User], cwd: Path) -> User:
    """Return a user with absolute certificate, key and token files and, where it has a slash, exec command."""
    user = found.value
    directory = directory_of(found.document.path, cwd)
    plugin = user.exec
    return replace(
        user,
        client_certificate=absolute(user.client_certificate, directory),
        client_key=absolute(user.client_key, directory),
        token_file=absolute(user.token_file, directory),
        exec=plugin and replace(plugin, command=absolute_command(plugin.command, directory)),
    )
