"""Finding a real kube-apiserver and etcd, by the conventions that envtest and its users know."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """The two programs of a real Kubernetes control plane."""

    kube_apiserver: Path
    etcd: Path


def find_control_plane(environ: Mapping[str, str] = os.environ) -> ControlPlane | None:
    """Return the real programs, or None when either is missing.

    Looked up in this order: ``TEST_ASSET_KUBE_APISERVER`` and ``TEST_ASSET_ETCD``, the directory
    ``KUBEBUILDER_ASSETS``, ``PATH``. Source: controller-runtime's envtest.
    """
    found = []
    for name, variable in (("kube-apiserver", "TEST_ASSET_KUBE_APISERVER"), ("etcd", "TEST_ASSET_ETCD")):
        path = _find(name, environ.get(variable), environ.get("KUBEBUILDER_ASSETS"), environ.get("PATH"))
        if path is None:
            return None
        found.append(path)
    return ControlPlane(*found)


def _find(name: str, explicit: str | None, directory: str | None, search_path: str | None) -> Path | None:
    candidates = [Path(explicit)] if explicit else []
    if directory:
        candidates.append(Path(directory) / name)
    on_path = shutil.which(name, path=search_path) if search_path else None
    if on_path:
        candidates.append(Path(on_path))
    return next((path.absolute() for path in candidates if path.is_file() and os.access(path, os.X_OK)), None)


def find_kubectl(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return a plain kubectl, or None.

    A vendor's dispatcher asks the server for its version first, running the exec plugin once more, and then starts
    another kubectl; where the one on PATH is such a dispatcher, the newest versioned kubectl beside it is taken.
    """
    first = _find("kubectl", environ.get("TEST_ASSET_KUBECTL"), environ.get("KUBEBUILDER_ASSETS"), environ.get("PATH"))
    if first is None:
        return None
    siblings = [path for path in first.resolve().parent.glob("kubectl.1.*") if os.access(path, os.X_OK)]
    versioned = [(int(path.suffix[1:]), path) for path in siblings if path.suffix[1:].isdigit()]
    return max(versioned)[1] if versioned else first
