"""Taking the files that a kubeconfig names into its text, everything else kept."""

from __future__ import annotations

from pathlib import Path

from eksauth.kubeconfig.document import parse_document
from eksauth.kubeconfig.edit import edit
from eksauth.kubeconfig.flatten import flatten
from eksauth.kubeconfig.operations import Operation, SetField, UnsetField
from eksauth.kubeconfig.paths import Files, Origin
from eksauth.kubeconfig.resolve import merge
from eksauth.kubeconfig.view import cluster_dict, user_dict

_EMBEDDED = {
    "clusters": ("certificate-authority",),
    "users": ("client-certificate", "client-key"),
}


def flattened_text(text: str, path: Path, cwd: Path) -> str:
    """Return the text of a kubeconfig at ``path`` with certificates and keys embedded.

    :raises ConfigError: when a file cannot be read, or an entry has both a file and data.
    """
    document = parse_document(text.encode(), path)
    flat = flatten(merge(Files((path,), Origin.FLAG), [document]), cwd)
    bodies = {
        "clusters": {name: cluster_dict(found.value) for name, found in flat.clusters.items()},
        "users": {name: user_dict(found.value) for name, found in flat.users.items()},
    }
    operations: list[Operation] = []
    for section, keys in _EMBEDDED.items():
        for entry in document.sections[section]:
            written = cluster_or_user(entry.value)
            for key in keys:
                if written.get(key):
                    data = bodies[section][entry.name][f"{key}-data"]
                    operations.append(UnsetField(section, entry.name, (key,)))
                    operations.append(SetField(section, entry.name, (f"{key}-data",), data))
    return edit(document, operations).text


def cluster_or_user(value: object) -> dict[str, object]:
    """Return a body as plain values, whichever of the two it is."""
    from eksauth.kubeconfig.model import Cluster, User

    if isinstance(value, Cluster):
        return cluster_dict(value)
    return user_dict(value) if isinstance(value, User) else {}
