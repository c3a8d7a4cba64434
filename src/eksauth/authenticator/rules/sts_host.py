"""Which host names are STS, and of which partition and region.

The rule is aws-iam-authenticator's (a name that the SDK's endpoint rules would produce, ending as the server's
partition ends), with three deliberate tightenings: the region must be known or shaped like one of its partition's, it
must belong to the server's partition (commercial and GovCloud share their suffixes), and nothing is memoised. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from eksauth.authenticator.rules.refusal import Refusal
from eksauth.aws.partitions import (
    GLOBAL_REGION,
    PARTITIONS,
    Partition,
    is_known_region,
    is_region_label,
    partition_of_region,
    signing_region,
    sts_host,
)

_GLOBAL_HOST = "sts.amazonaws.com"
_NO_DUAL_STACK = {"aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f"}
"""Partitions whose dual-stack names the released authenticators do not know."""


@dataclass(frozen=True, slots=True)
class StsHost:
    """An STS host name, understood.

    :param region: ``aws-global`` for the global host.
    :param known_region: the region is in the closed list; safe to use as a metrics label.
    """

    name: str
    partition: str
    region: str
    fips: bool
    dual_stack: bool
    known_region: bool

    @property
    def is_global(self) -> bool:
        """Whether this is ``sts.amazonaws.com``."""
        return self.region == GLOBAL_REGION

    @property
    def scope_region(self) -> str:
        """The region that a signature for this host names."""
        return signing_region(self.region)


def understand_host(name: str) -> StsHost | None:
    """Return what ``name`` says, whichever the partition; None when no SDK would produce it for a real region."""
    if name == _GLOBAL_HOST:
        return StsHost(name, "aws", GLOBAL_REGION, fips=False, dual_stack=False, known_region=True)
    labels = name.split(".")
    if len(labels) < 4 or labels[0] not in {"sts", "sts-fips"}:
        return None
    region = labels[1]
    partition = _partition_of(region)
    if partition is None:
        return None
    for dual_stack in (False, True):
        for fips in (False, True):
            if name == sts_host(region, fips=fips, dual_stack=dual_stack):
                return StsHost(name, partition.name, region, fips, dual_stack, is_known_region(region))
    return None


def refuse_host(name: str, server_partition: str | None) -> Refusal | None:
    """Return why a server of ``server_partition`` refuses ``name``, or None.

    :param server_partition: None judges by the partition that the name itself belongs to.
    """
    host = understand_host(name)
    if host is None:
        return _refuse_unknown(name)
    if server_partition is not None and host.partition != server_partition:
        what = "the global STS endpoint" if host.is_global else f"region {host.region}"
        return Refusal(
            "token.partition_mismatch",
            f"{what} belongs to partition {host.partition}, the cluster to partition {server_partition}",
            "sign for a region of the cluster's partition, with credentials of that partition",
        )
    if host.dual_stack and host.partition in _NO_DUAL_STACK:
        return Refusal(
            "token.host_not_allowed",
            f"clusters of partition {host.partition} do not accept the dual-stack name {name}",
            "unset AWS_USE_DUALSTACK_ENDPOINT (or use_dualstack_endpoint) where the token is minted",
        )
    return None


def _partition_of(region: str) -> Partition | None:
    """Return the partition of a region in lower case; names that only differ in case are not the SDKs' names."""
    if region != region.lower() or not is_region_label(region):
        return None
    return partition_of_region(region)


def _refuse_unknown(name: str) -> Refusal:
    labels = name.split(".")
    if len(labels) >= 4 and labels[0] in {"sts", "sts-fips"} and _ends_as_a_partition(".".join(labels[2:])):
        region = labels[1]
        if is_region_label(region) and _partition_of(region) is None:
            return Refusal(
                "token.region_unknown",
                f"the host names no AWS region: {_shown(region)}",
                "mint the token with a real region, such as us-east-1 or eu-west-1",
            )
    return Refusal(
        "token.host_not_allowed", f"the URL's host is not an STS endpoint: {_shown(name)}", _hint_about(name)
    )


def _hint_about(name: str) -> str:
    """Return the usual reason why a URL is signed for a host that is not STS."""
    labels = name.split(".")
    plain = name.partition(":")[0].rstrip(".").lower()
    if "vpce" in labels:
        return "a VPC endpoint's own name is never accepted; turn on private DNS so that the ordinary name reaches it"
    if understand_host(plain) is not None:
        return f"sign for {plain}, in lower case and without a port or a dot at its end"
    if any(_ends_as_a_partition(".".join(labels[start:])) for start in range(len(labels))):
        return "mint the token with a real region, such as us-east-1 or eu-west-1"
    return (
        "AWS_ENDPOINT_URL or AWS_ENDPOINT_URL_STS was probably set where an SDK made the token; unset it there, "
        "or use 'eksauth token', which never signs for such a host"
    )


def _ends_as_a_partition(suffix: str) -> bool:
    return any(suffix in {partition.dns_suffix, partition.dual_stack_suffix} for partition in PARTITIONS)


def _shown(text: str) -> str:
    """Return hostile text fit for an error: short."""
    return repr(text if len(text) <= 80 else f"{text[:77]}...")
