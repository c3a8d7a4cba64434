"""Clusters as the EKS API describes them: one call each, answers checked, refusals with the way out.

The functions take a botocore client and let botocore's own exceptions pass, except those that EKS gives a meaning of
its own. https://docs.aws.amazon.com/eks/latest/APIReference/API_Cluster.html is the source of the field rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from eksauth.aws.arn import Arn, parse_arn
from eksauth.errors import AwsError

USABLE = frozenset(("ACTIVE", "UPDATING"))
"""Status values of a cluster whose API server answers."""
COMING = frozenset(("CREATING", "PENDING"))
"""Status values that waiting can mend."""
_DENIED = frozenset(("AccessDeniedException", "AccessDenied", "UnauthorizedOperation", "ForbiddenException"))


class ClusterNotFound(AwsError):
    """There is no cluster of that name in that region and account."""

    code = "aws.ResourceNotFoundException"


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


def describe_cluster(client: Any, name: str) -> ClusterInfo:
    """Ask DescribeCluster.

    :param client: botocore's EKS client of the region.
    :raises ClusterNotFound: when there is none of that name.
    :raises AwsError: when the caller may not ask, or the answer makes no sense.
    :raises botocore.exceptions.BotoCoreError, ClientError: for everything else.
    """
    region = str(client.meta.region_name)
    try:
        answer = client.describe_cluster(name=name)
    except ClientError as error:
        code, text = _code(error)
        if code == "ResourceNotFoundException":
            raise ClusterNotFound(f"there is no cluster '{name}' in {region}", hint="check name and region") from None
        raise _denied(code, text, "eks:DescribeCluster", f"cluster {name}", region) or error from None
    return read_cluster(answer.get("cluster"), name, region)


def list_clusters(client: Any) -> list[str]:
    """Return the names of all clusters of the region, every page of them.

    :raises AwsError: when the caller may not ask.
    :raises botocore.exceptions.BotoCoreError, ClientError: for everything else.
    """
    names: list[str] = []
    try:
        for page in client.get_paginator("list_clusters").paginate(PaginationConfig={"PageSize": 100}):
            names += page.get("clusters") or []
    except ClientError as error:
        code, text = _code(error)
        raise _denied(code, text, "eks:ListClusters", "the clusters", client.meta.region_name) or error from None
    return names


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


def _code(error: ClientError) -> tuple[str, str]:
    answer = error.response.get("Error", {})
    return str(answer.get("Code") or ""), " ".join(str(answer.get("Message") or "").split())[:300].rstrip(".")


def _denied(code: str, text: str, action: str, what: str, region: object) -> AwsError | None:
    if code not in _DENIED:
        return None
    return AwsError(
        f"AWS denied reading {what} in {region}: {text or code}",
        hint=f"the caller needs the IAM action {action}",
        code=f"aws.{code}",
    )
