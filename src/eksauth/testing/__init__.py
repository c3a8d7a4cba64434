"""The sandbox for other people's tests: ``eksauth_sandbox`` as a pytest fixture, or :func:`running_sandbox` by hand."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from eksauth.sandbox.identities import SandboxIdentities
    from eksauth.sandbox.manifest import Cluster

__all__ = ["SandboxHandle", "running_sandbox"]


@dataclass(frozen=True, slots=True)
class SandboxHandle:
    """A sandbox that runs.

    :param environ: variables that lead AWS clients and kubectl into the sandbox, without access keys of any user.
    :param kubeconfig: a kubeconfig with a context ``IDENTITY@CLUSTER`` for each pair.
    :param clusters: the clusters, by name.
    :param identities: the seeded users and roles. Holds secrets of the sandbox; its ``repr`` does not show them.
    """

    environ: Mapping[str, str]
    kubeconfig: Path
    clusters: Mapping[str, Cluster]
    identities: SandboxIdentities = field(repr=False)

    def server_config(self, cluster: str) -> Path:
        """Return the authenticator's configuration of a cluster; an edit is loaded within a second or two."""
        return Path(self.clusters[cluster].server_config)


@contextmanager
def running_sandbox(root: Path) -> Iterator[SandboxHandle]:
    """Start a sandbox in ``root``, which must not hold anything else, and take it down at the end.

    It also ends when this process dies, however that happens.

    :raises EksauthError: when it cannot be started.
    """
    from eksauth.sandbox.clientfiles import client_environment
    from eksauth.sandbox.flavour import flavour_named
    from eksauth.sandbox.identities import read_identities
    from eksauth.sandbox.lifecycle import Sandbox

    flavour = flavour_named(os.environ.get("EKSAUTH_SANDBOX_API_SERVER", "auto"))
    with Sandbox(root, flavour=flavour) as sandbox:
        manifest = sandbox.manifest
        yield SandboxHandle(
            environ={
                **client_environment(sandbox.layout, manifest.aws_endpoint),
                "KUBECONFIG": str(sandbox.layout.kubeconfig),
            },
            kubeconfig=sandbox.layout.kubeconfig,
            clusters={cluster.name: cluster for cluster in manifest.clusters},
            identities=read_identities(sandbox.layout),
        )
