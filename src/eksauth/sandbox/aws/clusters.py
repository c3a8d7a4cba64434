"""The clusters that the sandbox's EKS knows, and how DescribeCluster shows them."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Literal

import msgspec

from eksauth.aws.partitions import AWS, partition_of_region

_NAME = re.compile(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}", re.ASCII)
_PLATFORM_VERSION = "eks.12"

Status = Literal["CREATING", "ACTIVE", "DELETING", "FAILED", "UPDATING", "PENDING"]
AuthenticationMode = Literal["API", "API_AND_CONFIG_MAP", "CONFIG_MAP"]


class Cluster(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One cluster.

    :param endpoint: https URL of its API server; empty for one that has none (yet).
    :param ca_data: base64 of the PEM certificate that vouches for the API server; empty like ``endpoint``.
    :param version: Kubernetes minor version such as ``1.33``.
    :param oidc_issuer: URL of the service-account issuer; made up from name and account when left out.
    :param created_at: seconds since the epoch.
    :param local_id: id of a local cluster on an Outpost.
    :param local_etcd: whether such a cluster says which instances its etcd runs on; it then goes by its name.
    :param connector: provider of a connected cluster such as ``GKE``, which EKS only shows.
    """

    name: str
    region: str
    account: str
    endpoint: str
    ca_data: str
    version: str = "1.33"
    status: Status = "ACTIVE"
    authentication_mode: AuthenticationMode = "API_AND_CONFIG_MAP"
    oidc_issuer: str = ""
    created_at: float = msgspec.field(default_factory=lambda: float(int(time.time())))
    tags: dict[str, str] = {}
    local_id: str = ""
    local_etcd: bool = False
    connector: str = ""
    public_endpoint: bool = True
    private_endpoint: bool = False

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError("a cluster name is 1 to 100 letters, digits, - and _, and starts with a letter or digit")
        if partition_of_region(self.region) is None:
            raise ValueError(f"unknown region {self.region}")
        if len(self.account) != 12 or not self.account.isdigit():
            raise ValueError("an account number has 12 digits")
        if self.endpoint and not self.endpoint.startswith("https://"):
            raise ValueError("an endpoint is an https URL")

    @property
    def arn(self) -> str:
        """Return the cluster's ARN."""
        return cluster_arn(self.region, self.account, self.name)

    def describe(self) -> Mapping[str, Any]:
        """Return the cluster as DescribeCluster does."""
        seed = sha256(self.arn.encode()).hexdigest()
        partition = partition_of_region(self.region) or AWS
        described = {
            "name": self.name,
            "arn": self.arn,
            "createdAt": self.created_at,
            "version": self.version,
            "endpoint": self.endpoint,
            "roleArn": f"arn:{partition.name}:iam::{self.account}:role/{self.name}-cluster",
            "resourcesVpcConfig": {
                "subnetIds": [f"subnet-{seed[:17]}", f"subnet-{seed[1:18]}"],
                "securityGroupIds": [],
                "clusterSecurityGroupId": f"sg-{seed[2:19]}",
                "vpcId": f"vpc-{seed[3:20]}",
                "endpointPublicAccess": self.public_endpoint,
                "endpointPrivateAccess": self.private_endpoint,
                "publicAccessCidrs": ["0.0.0.0/0"],
            },
            "kubernetesNetworkConfig": {
                "serviceIpv4Cidr": "10.100.0.0/16",
                "ipFamily": "ipv4",
                "elasticLoadBalancing": {"enabled": False},
            },
            "logging": {
                "clusterLogging": [
                    {"types": ["api", "audit", "authenticator", "controllerManager", "scheduler"], "enabled": False}
                ]
            },
            "identity": {"oidc": {"issuer": self.oidc_issuer or self._issuer(seed, partition.dns_suffix)}},
            "status": self.status,
            "certificateAuthority": {"data": self.ca_data},
            "platformVersion": _PLATFORM_VERSION,
            "tags": dict(self.tags),
            "health": {"issues": []},
            "accessConfig": {
                "bootstrapClusterCreatorAdminPermissions": True,
                "authenticationMode": self.authentication_mode,
            },
            "upgradePolicy": {"supportType": "EXTENDED"},
            "deletionProtection": False,
        }
        # keys that EKS leaves out for clusters that lack the thing
        if not self.endpoint:
            del described["endpoint"]
        if not self.ca_data:
            del described["certificateAuthority"]
        if self.local_id:
            described["id"] = self.local_id
            described["outpostConfig"] = {
                "outpostArns": [f"arn:{partition.name}:outposts:{self.region}:{self.account}:outpost/op-{seed[:17]}"],
                "controlPlaneInstanceType": "m5.large",
            } | ({"etcdInstanceType": "m5.large"} if self.local_etcd else {})
        if self.connector:
            described["connectorConfig"] = {"provider": self.connector, "activationId": seed[:36]}
        return described

    def _issuer(self, seed: str, suffix: str) -> str:
        return f"https://oidc.eks.{self.region}.{suffix}/id/{seed[:32].upper()}"


def cluster_arn(region: str, account: str, name: str) -> str:
    """Return the ARN a cluster of that name has or would have."""
    partition = partition_of_region(region) or AWS
    return f"arn:{partition.name}:eks:{region}:{account}:cluster/{name}"


class ClusterStore:
    """All clusters, by account, region and name."""

    def __init__(self) -> None:
        self._clusters: dict[tuple[str, str, str], Cluster] = {}

    def put(self, cluster: Cluster) -> None:
        """Add a cluster or replace the one of the same account, region and name."""
        self._clusters[cluster.account, cluster.region, cluster.name] = cluster

    def remove(self, account: str, region: str, name: str) -> bool:
        """Forget a cluster; False when there was none."""
        return self._clusters.pop((account, region, name), None) is not None

    def get(self, account: str, region: str, name: str) -> Cluster | None:
        """Return a cluster, or None."""
        return self._clusters.get((account, region, name))

    def names(self, account: str, region: str) -> list[str]:
        """Return the names of an account's clusters in a region, sorted."""
        return sorted(name for one, where, name in self._clusters if (one, where) == (account, region))

    def everything(self) -> list[Cluster]:
        """Return all clusters."""
        return list(self._clusters.values())
