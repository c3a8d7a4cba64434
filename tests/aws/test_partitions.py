"""Our partition data against the installed botocore's."""

from __future__ import annotations

import itertools
from functools import cache
from typing import Any

import botocore.session
import pytest
from botocore.config import Config

from eksauth.aws import partitions as ours


@cache
def _botocore_partitions() -> dict[str, Any]:
    data = botocore.session.Session().get_component("data_loader").load_data("partitions")
    return {partition["id"]: partition for partition in data["partitions"]}


def _regions(partition: dict[str, Any]) -> set[str]:
    return {region for region in partition["regions"] if not region.endswith("-global")}


ALL_REGIONS = sorted(region for partition in _botocore_partitions().values() for region in _regions(partition))


def test_partitions_are_botocores() -> None:
    """We know exactly the partitions that botocore knows."""
    assert {partition.name for partition in ours.PARTITIONS} == set(_botocore_partitions())


@pytest.mark.parametrize("partition", ours.PARTITIONS, ids=lambda partition: partition.name)
def test_regions_and_suffixes_are_botocores(partition: ours.Partition) -> None:
    """No region that botocore knows is missing, and both DNS suffixes agree."""
    theirs = _botocore_partitions()[partition.name]
    assert _regions(theirs) - partition.regions == set()
    assert partition.dns_suffix == theirs["outputs"]["dnsSuffix"]
    assert partition.dual_stack_suffix == theirs["outputs"]["dualStackDnsSuffix"]


def _botocore_host(region: str, *, fips: bool, dual_stack: bool) -> str:
    session = botocore.session.Session()
    session.set_credentials("a", "b")
    config = Config(use_fips_endpoint=fips, use_dualstack_endpoint=dual_stack)
    client = session.create_client("sts", region_name=region, config=config)
    return str(client.meta.endpoint_url).removeprefix("https://")


@cache
def _sts_ruleset_host(region: str, fips: bool, dual_stack: bool) -> str:
    from botocore.endpoint_provider import EndpointProvider

    loader = botocore.session.Session().get_component("data_loader")
    rules = loader.load_service_model("sts", "endpoint-rule-set-1")
    provider = EndpointProvider(rules, loader.load_data("partitions"))
    endpoint = provider.resolve_endpoint(Region=region, UseFIPS=fips, UseDualStack=dual_stack, UseGlobalEndpoint=False)
    return str(endpoint.url).removeprefix("https://")


@pytest.mark.parametrize("region", [*ALL_REGIONS, "xx-fake-9", "eu-north-7"])
def test_sts_hosts_are_those_of_the_endpoint_rules(region: str) -> None:
    """For each region, FIPS and dual-stack switch the host is what botocore's STS rule set resolves to."""
    for fips, dual_stack in itertools.product((False, True), repeat=2):
        assert ours.sts_host(region, fips=fips, dual_stack=dual_stack) == _sts_ruleset_host(region, fips, dual_stack)


@pytest.mark.parametrize("region", ["us-east-1", "us-gov-west-1", "cn-north-1", "eusc-de-east-1", "aws-global"])
def test_sts_hosts_are_those_of_a_client(region: str) -> None:
    """A real botocore client ends up at the same host."""
    assert ours.sts_host(region) == _botocore_host(region, fips=False, dual_stack=False)


@pytest.mark.parametrize("region", ALL_REGIONS)
def test_region_belongs_to_its_partition(region: str) -> None:
    """A region is found in the partition that botocore lists it in, is a label, and is no zone."""
    found = ours.partition_of_region(region)
    assert found is not None
    assert region in _regions(_botocore_partitions()[found.name])
    assert ours.is_known_region(region)
    assert ours.is_region_label(region)
    assert ours.region_of_zone(region) is None


@pytest.mark.parametrize(
    "zone, region",
    [
        ("us-east-1a", "us-east-1"),
        ("us-west-2-lax-1a", "us-west-2"),
        ("us-east-1-wl1-bos-wlz-1", "us-east-1"),
        ("cn-northwest-1b", "cn-northwest-1"),
        ("us-gov-east-1c", "us-gov-east-1"),
        ("us-east-11", None),
        ("a", None),
        ("", None),
    ],
)
def test_region_of_zone(zone: str, region: str | None) -> None:
    """Availability, local and wavelength zones name the region they are in."""
    assert ours.region_of_zone(zone) == region


@pytest.mark.parametrize(
    "region, partition",
    [("eu-north-7", "aws"), ("cn-south-9", "aws-cn"), ("us-isob-x-1", "aws-iso-b"), ("zz-top-1", None), ("", None)],
)
def test_unknown_regions_by_shape(region: str, partition: str | None) -> None:
    """A region nobody lists yet belongs to the partition whose naming it follows."""
    found = ours.partition_of_region(region)
    assert (found.name if found else None) == partition
    assert ours.is_known_region(region) is False


@pytest.mark.parametrize("region", ["", "-a", "a-", "a.b", "a_b", "a b", "a\n", "\u00e9", "a" * 64])
def test_what_is_no_label(region: str) -> None:
    """What cannot be part of a host name is no region label."""
    assert ours.is_region_label(region) is False


def test_partition_by_name() -> None:
    """Partitions are found by exact name."""
    assert ours.partition_named("aws-cn") is ours.PARTITIONS[1]
    assert ours.partition_named("AWS") is None
