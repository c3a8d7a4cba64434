"""Which hosts are STS: every host case of the reference, with the places where we are stricter marked."""

from __future__ import annotations

import pytest
from tests.authenticator import reference_model

from eksauth.authenticator.rules.sts_host import refuse_host, understand_host
from eksauth.aws.partitions import PARTITIONS, Partition, sts_host

COMMERCIAL = [
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "ap-south-1",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eu-north-1",
]
OK, STRICTER = True, "stricter"
NO = False

# partition, host, region of the server, what is allowed: OK by both, NO by both, STRICTER only by the reference
CASES: list[tuple[str, str, str, bool | str]] = [
    ("aws", "sts.amazonaws.com", "", OK),
    *[
        (partition, "sts.amazonaws.com", "", NO)
        for partition in ("aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f")
    ],
    ("aws-cn", "sts.cn-northwest-1.amazonaws.com.cn", "", OK),
    ("aws-cn", "sts.cn-north-1.amazonaws.com.cn", "", OK),
    ("aws-cn", "sts.us-iso-east-1.c2s.ic.gov", "", NO),
    ("aws-cn", "sts.default-region.amazonaws.com.cn", "", NO),
    ("aws-cn", "sts.default-region.amazonaws.com.cn", "default-region", STRICTER),
    ("aws-cn", "sts.default-region.amazonaws.com.cn", "other-region", NO),
    ("aws-cn", "sts.us-west-2.amazonaws.com.cn", "", NO),
    ("aws-cn", "sts.us-isob-east-1.amazonaws.com.cn", "", NO),
    ("aws-cn", "sts.us-isob-east-1.amazonaws.com.cn", "us-isob-east-1", STRICTER),
    ("aws-cn", "sts-fips.us-east-1.amazonaws.com", "", NO),
    ("aws-cn", "sts.cn-north-1.api.amazonwebservices.com.cn", "", OK),
    ("aws-cn", "sts.not-a-region.amazonaws.com", "", NO),
    ("aws-cn", "sts.not-a-region.amazonaws.com", "not-a-region", NO),
    *[("aws", f"sts.{region}.amazonaws.com", "", OK) for region in COMMERCIAL],
    ("aws", "sts-fips.us-west-2.amazonaws.com", "", OK),
    ("aws", "sts-fips.us-east-1.amazonaws.com", "", OK),
    ("aws", "sts.amazonaws.com.cn", "", NO),
    ("aws", "website.amazonaws.com", "", NO),
    ("aws", "sts.default-region.amazonaws.com", "default-region", STRICTER),
    ("aws", "sts.us-west-2.api.aws", "", OK),
    ("aws", "sts.cn-north-1.api.amazonwebservices.com.cn", "", NO),
    ("aws", "sts.us-west-2.amazonaws.com.cn", "us-west-2", NO),
    ("aws", "sts.us-west-2.amazonaws.com.cn", "cn-north-1", NO),
    ("aws", "sts.not-a-region.amazonaws.com", "", STRICTER),
    ("aws", "sts.not-a-region.amazonaws.com", "us-west-2", STRICTER),
    ("aws-iso", "sts.us-iso-east-1.c2s.ic.gov", "", OK),
    ("aws-iso", "sts.cn-north-1.amazonaws.com.cn", "", NO),
    ("aws-iso-b", "sts.cn-north-1.amazonaws.com.cn", "", NO),
    ("aws-iso-b", "sts.us-isob-east-1.amazonaws.com.cn", "", NO),
    ("aws-iso-b", "sts.us-isob-east-1.amazonaws.com.cn", "us-isob-east-1", NO),
    ("aws-us-gov", "sts.us-gov-east-1.amazonaws.com", "", OK),
    # beyond the reference's own table
    ("aws", "sts.us-gov-west-1.amazonaws.com", "", STRICTER),
    ("aws-us-gov", "sts.us-east-1.amazonaws.com", "", STRICTER),
    ("aws-us-gov", "sts.us-east-1.api.aws", "", STRICTER),
    ("aws-us-gov", "sts-fips.us-gov-west-1.amazonaws.com", "", NO),
    ("aws-us-gov", "sts-fips.us-gov-west-1.api.aws", "", OK),
    ("aws", "sts.s3.amazonaws.com", "", STRICTER),
    ("aws", "sts.US-EAST-1.amazonaws.com", "", STRICTER),
    ("aws", "sts.us-WEST-2.amazonaws.com", "", STRICTER),
    ("aws", "sts.eu-north-77.amazonaws.com", "", OK),
    ("aws-cn", "sts.cn-south-1.amazonaws.com.cn", "", OK),
    ("aws-iso", "sts.us-iso-east-1.api.aws.ic.gov", "", NO),
    ("aws-eusc", "sts.eusc-de-east-1.amazonaws.eu", "", OK),
    ("aws-eusc", "sts.eusc-fr-east-1.amazonaws.eu", "", NO),
    ("aws", "sts.us-west-2.amazonaws.com:443", "", NO),
    ("aws", "sts.us-west-2.amazonaws.com.", "", NO),
    ("aws", "STS.us-west-2.amazonaws.com", "", NO),
    ("aws", "vpce-0a-1b.sts.us-west-2.vpce.amazonaws.com", "", NO),
    ("aws", "sts.us_east_1.amazonaws.com", "", NO),
    ("aws", "", "", NO),
    ("aws", "sts", "", NO),
    ("aws", "sts.wrongformat", "", NO),
    ("aws", "sts..amazonaws.com", "", NO),
    ("aws", "sts.us-west-2.amazonaws.com.evil.example", "", NO),
    ("aws", "evil.example/sts.us-west-2.amazonaws.com", "", NO),
]


@pytest.mark.parametrize("partition, host, server_region, allowed", CASES)
def test_hosts(partition: str, host: str, server_region: str, allowed: bool | str) -> None:
    """We allow what the reference allows but for invented regions, other partitions and names in capitals."""
    assert reference_model.accepts_host(host, partition, server_region) is bool(allowed)
    refusal = refuse_host(host, partition)
    if allowed is OK:
        assert refusal is None
    elif allowed == STRICTER:
        assert refusal is not None
        assert refusal.code in {"token.region_unknown", "token.partition_mismatch", "token.host_not_allowed"}
    else:
        assert refusal is not None


@pytest.mark.parametrize("partition", PARTITIONS, ids=lambda partition: partition.name)
@pytest.mark.parametrize("fips", [False, True], ids=["plain", "fips"])
@pytest.mark.parametrize("dual_stack", [False, True], ids=["ipv4", "dual-stack"])
def test_hosts_that_we_mint_for(partition: Partition, fips: bool, dual_stack: bool) -> None:
    """Every host that a token can be minted for is understood as what it was made of."""
    for region in partition.regions:
        host = understand_host(sts_host(region, fips=fips, dual_stack=dual_stack))
        assert host is not None
        assert (host.partition, host.region, host.dual_stack, host.known_region) == (
            partition.name,
            region,
            dual_stack,
            True,
        )
        assert host.scope_region == region
        assert not host.is_global


def test_the_global_host_is_signed_for_us_east_1() -> None:
    """The global host belongs to the commercial partition and to scope us-east-1."""
    host = understand_host("sts.amazonaws.com")
    assert host is not None
    assert (host.partition, host.region, host.scope_region, host.is_global) == ("aws", "aws-global", "us-east-1", True)


@pytest.mark.parametrize(
    "host, clue",
    [
        pytest.param("vpce-0a-1b.sts.us-west-2.vpce.amazonaws.com", "private DNS", id="vpc-endpoint"),
        pytest.param("sts.us-west-2.amazonaws.com:443", "port", id="port"),
        pytest.param("STS.us-west-2.amazonaws.com.", "sign for sts.us-west-2.amazonaws.com,", id="case-and-dot"),
        pytest.param("sts.amazonaws.com.cn", "real region", id="global-of-another-partition"),
        pytest.param("localhost", "AWS_ENDPOINT_URL_STS", id="endpoint-override"),
        pytest.param("localhost:4566", "unset it", id="endpoint-override-with-port"),
        pytest.param("127.0.0.1:4566", "eksauth token", id="endpoint-override-by-address"),
        pytest.param("[::1]:4566", "AWS_ENDPOINT_URL ", id="endpoint-override-by-ipv6-address"),
        pytest.param("sts.corp.example", "AWS_ENDPOINT_URL ", id="endpoint-override-of-a-company"),
        pytest.param("sts.us-wset-2x.amazonaws.com", "real region", id="invented-region"),
    ],
)
def test_hints_name_the_usual_cause(host: str, clue: str) -> None:
    """A refused host comes with the setting that usually causes it."""
    refusal = refuse_host(host, "aws")
    assert refusal is not None
    assert clue in (refusal.hint or "")


def test_a_long_host_is_cut_in_the_message() -> None:
    """A hostile host name cannot fill a log line."""
    refusal = refuse_host("sts." + "a" * 5000 + ".example", "aws")
    assert refusal is not None
    assert len(refusal.message) < 200
