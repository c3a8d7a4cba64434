"""Calls of the EKS API: one each, answers checked, refusals with the way out.

The functions take a botocore client and let botocore's own exceptions pass, except those that EKS gives a meaning of
its own.
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from eksauth.aws.cluster_info import ClusterInfo, read_cluster
from eksauth.errors import AwsError

__all__ = ["ClusterInfo", "ClusterNotFound", "describe_cluster", "list_clusters"]

_DENIED = frozenset(("AccessDeniedException", "AccessDenied", "UnauthorizedOperation", "ForbiddenException"))


class ClusterNotFound(AwsError):
    """There is no cluster of that name in that region and account."""

    code = "aws.ResourceNotFoundException"


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
