"""Kubeconfigs for the tests of list, merge, split, remove, rename and lint."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import yaml

from eksauth.kubeconfig.document import Document, parse_document
from eksauth.kubeconfig.located import located_cluster, located_user
from eksauth.kubeconfig.paths import Files, Origin
from eksauth.kubeconfig.resolve import Merged, merge

API = "client.authentication.k8s.io/v1"


def config(
    clusters: dict[str, Any] | None = None,
    contexts: dict[str, Any] | None = None,
    users: dict[str, Any] | None = None,
    **top: Any,
) -> dict[str, Any]:
    """Return a kubeconfig as plain values; sections by name."""
    found: dict[str, Any] = {"apiVersion": "v1", "kind": "Config"}
    for section, bodies in (("clusters", clusters), ("contexts", contexts), ("users", users)):
        found[section] = [{"name": name, section[:-1]: body} for name, body in (bodies or {}).items()]
    return found | {key.replace("_", "-"): value for key, value in top.items()}


def one(name: str, server: str = "", token: str = "t", **top: Any) -> dict[str, Any]:
    """Return a kubeconfig with one context whose cluster and user have its name."""
    return config(
        {name: {"server": server or f"https://{name}.example"}},
        {name: {"cluster": name, "user": name}},
        {name: {"token": token}},
        **top,
    )


def write(path: Path, content: dict[str, Any] | str) -> Path:
    """Write a kubeconfig, private, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else text(content))
    path.chmod(0o600)
    return path


def text(content: dict[str, Any]) -> str:
    """Return values as YAML with every text in quotes."""
    return yaml.dump(content, Dumper=Quoted, sort_keys=False)


def parsed(path: Path) -> dict[str, Any]:
    """Return the sections of a file by name, and its current context."""
    content = yaml.safe_load(path.read_text()) or {}
    found: dict[str, Any] = {"current": content.get("current-context")}
    for section in ("clusters", "contexts", "users"):
        found[section] = {item["name"]: item.get(section[:-1]) for item in content.get(section) or ()}
    return found


def document(content: dict[str, Any] | str, path: Path) -> Document:
    """Return a document without a file."""
    return parse_document((content if isinstance(content, str) else text(content)).encode(), path)


def merged(*documents: Document) -> Merged:
    """Merge documents."""
    return merge(Files(tuple(found.path for found in documents), Origin.VARIABLE), documents)


def resolved(view: Merged, cwd: Path) -> dict[str, Any]:
    """Return what each context means, wherever its file lies: cluster and user with absolute paths, and the rest."""
    found = {}
    for name, context in view.contexts.items():
        cluster, user = view.clusters.get(context.value.cluster), view.users.get(context.value.user)
        found[name] = {
            "context": asdict(replace(context.value, cluster="", user="")),
            "cluster": None if cluster is None else asdict(located_cluster(cluster, cwd)),
            "user": None if user is None else asdict(located_user(user, cwd)),
        }
    return found


class Quoted(yaml.SafeDumper):
    """Writes every text in double quotes, so that it is text to every reader."""


Quoted.add_representer(str, lambda dumper, value: dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"'))
Quoted.ignore_aliases = lambda *_: True  # type: ignore[method-assign]
