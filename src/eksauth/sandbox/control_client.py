"""The orchestrator's side of the AWS endpoint's control API."""

from __future__ import annotations

import msgspec

from eksauth.errors import EksauthError
from eksauth.sandbox.aws.clusters import Cluster
from eksauth.sandbox.loopback import LoopbackClient, trusting


def control_client(aws_url: str, ca_pem: str, control_token: str) -> LoopbackClient:
    """Return a client of the control API."""
    return LoopbackClient(aws_url, trusting(ca_pem), control_token)


def register_cluster(aws_url: str, ca_pem: str, control_token: str, cluster: Cluster) -> None:
    """Make EKS know a cluster.

    :raises EksauthError: when the endpoint does not take it.
    """
    try:
        client = control_client(aws_url, ca_pem, control_token)
        reply = client.ask("/_sandbox/clusters", msgspec.json.encode(cluster))
    except OSError as error:
        raise EksauthError(f"the sandbox's AWS endpoint does not answer: {error}", code="sandbox.failed") from error
    if reply.status >= 300:
        raise EksauthError(
            f"the sandbox's AWS endpoint refused cluster {cluster.name}: {reply.body.decode(errors='replace')[:200]}",
            code="sandbox.failed",
        )
