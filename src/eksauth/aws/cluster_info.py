"""One cluster as EKS describes it; pure.

https://docs.aws.amazon.com/eks/latest/APIReference/API_Cluster.html is the source of the field rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eksauth.aws.arn import Arn, parse_arn
from eksauth.errors import AwsError

USABLE = frozenset(("ACTIVE", "UPDATING"))
"""Status values of a cluster whose API server answers."""
COMING = frozenset(("CREATING", "PENDING"))
"""Status values that waiting can mend."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterInfo:
    """One cluster.

    :ivar endpoint: https URL of the API server; empty while it is being created and for connected clusters.
    :ivar ca_data: base64 of the PEM certificate that vouches for the API server; empty like ``endpoint``.
    :ivar version: Kubernetes minor version such as ``1.33``.
    :ivar status: ``ACTIVE``, ``UPDATING``, ``CREATING``, ``PENDING``, ``DELETING`` or ``FAILED``.
    :ivar local_id: id of a local cluster on an Outpost; tokens for it hold the id instead of the name.
    :ivar connector: provider of a connected cluster such as ``GKE``; None for EKS's own clusters.
    :ivar authentication_mode: ``API``, ``API_AND_CONFIG_MAP`` or ``CONFIG_MAP``; empty when EKS does not say.
    :ivar public_endpoint: whether the endpoint answers from outside the VPC; True when EKS does not say.
    """

    name: str
    arn: str
    region: str
    account: str
    partition: str
    status: str
    endpoint: str = ""
    ca_data: str = ""
    version: str = ""
    local_id: str | None = None
    connector: str | None = None
    authentication_mode: str = ""
    public_endpoint: bool = True
    private_endpoint: bool = False


def read_cluster(document: Any, name: str, region: str) -> ClusterInfo:
    """Return DescribeCluster's ``cluster`` as a value.

    :raises AwsError: when it lacks what every cluster has.
    """
    found: Mapping[str, Any] = document if isinstance(document, Mapping) else {}
    arn = _cluster_arn(found.get("arn"))
    status = found.get("status")
    if arn is None or not status:
        missing = "status" if arn is not None else "ARN"
        raise AwsError(
            f"the answer about cluster '{name}' in {region} holds no {missing}",
            hint="check AWS_ENDPOINT_URL and proxies: this is not how EKS answers",
            code="eks.answer",
        )
    vpc = found.get("resourcesVpcConfig") or {}
    connector = found.get("connectorConfig")
    return ClusterInfo(
        name=str(found.get("name") or arn.resource.partition("/")[2]),
        arn=str(arn),
        region=arn.region,
        account=arn.account,
        partition=arn.partition,
        status=str(status),
        endpoint=str(found.get("endpoint") or ""),
        ca_data=str((found.get("certificateAuthority") or {}).get("data") or ""),
        version=str(found.get("version") or ""),
        local_id=_local_id(found, name),
        connector=str(connector.get("provider") or "unknown") if connector else None,
        authentication_mode=str((found.get("accessConfig") or {}).get("authenticationMode") or ""),
        public_endpoint=bool(vpc.get("endpointPublicAccess", True)),
        private_endpoint=bool(vpc.get("endpointPrivateAccess", False)),
    )


def parse_cluster_arn(text: str) -> tuple[Arn, str] | None:
    """Return the ARN and the cluster's name, or None when ``text`` is no cluster ARN."""
    arn = _cluster_arn(text)
    return None if arn is None else (arn, arn.resource.partition("/")[2])


def _cluster_arn(text: object) -> Arn | None:
    try:
        arn = parse_arn(str(text))
    except ValueError:
        return None
    kind, _, name = arn.resource.partition("/")
    return arn if arn.service == "eks" and kind == "cluster" and name and arn.region and arn.account else None


def _local_id(found: Mapping[str, Any], name: str) -> str | None:
    """Return the id that tokens of a local cluster hold.

    A cluster on an Outpost that keeps its etcd in the region (``etcdInstanceType``) goes by its name, as the AWS CLI
    has it since 1.45.28.
    """
    outpost = found.get("outpostConfig")
    if not outpost or outpost.get("etcdInstanceType") is not None:
        return None
    if not found.get("id"):
        raise AwsError(
            f"cluster '{name}' is a local cluster on an Outpost, and EKS gives no id for it",
            hint="wait until it is active, then try again",
            code="eks.no_id",
        )
    return str(found["id"])
