"""Behaviours of the reference around tokens, hosts and ARNs, by the ids of ``docs/reference/compatibility.md``."""

from __future__ import annotations

from base64 import b64decode

import pytest
from tests.authenticator.mapping.callers import HASH, A, aws_auth, identity, mounted

from eksauth.authenticator.identity import CallerIdentity, IdentityRefused, identity_from
from eksauth.authenticator.mapping.model import Mappings, Match, RoleMapping, Source
from eksauth.authenticator.mapping.user_ids import UserIdTable
from eksauth.authenticator.rules.sts_host import refuse_host, understand_host
from eksauth.aws.arn import canonical_principal
from eksauth.aws.partitions import is_region_label, partition_named, sts_host
from eksauth.credentials.model import Credentials
from eksauth.token.bearer import bearer_token, token_expiry


def test_a_published_token() -> None:
    """GEN-01: from the published example key and clock comes the published token, and its expiry 14 minutes on."""
    # in Base64 as published, so that nobody takes them for credentials
    key, secret = (
        b64decode("QVNJQVIyVEc0NFY2QVMzWlpFN0M="),
        b64decode("NEtENWNudEdjVm1MV1JkRjV3dk5SdXpOTDVReG1wNk9LVlk2RnovUQ=="),
    )
    token = bearer_token(
        Credentials(key.decode(), secret.decode(), None),
        cluster_id="test-cluster",
        region="us-west-2",
        fips=False,
        dual_stack=False,
        now=1682640000,
    )
    assert len(token) == 493
    assert b64decode(token.removeprefix("k8s-aws-v1.") + "==", altchars=b"-_").endswith(b"747f5ce")
    assert token_expiry(1682640000, None) == 1682640000 + 14 * 60


@pytest.mark.parametrize(
    "label, possible",
    [
        pytest.param("us-east-1", True, id="REG-01"),
        pytest.param("invalid.com", False, id="REG-02"),
        pytest.param("@invalid.com/%23", False, id="REG-03"),
        pytest.param("local", True, id="REG-04"),
        pytest.param("9-west-1", True, id="REG-05"),
        pytest.param("us_east_1", False, id="REG-06"),
    ],
)
def test_region_labels(label: str, possible: bool) -> None:
    """What can be a label of a host name can be a region as far as its letters go; the region list has the last word."""
    assert is_region_label(label) is possible
    assert (refuse_host(f"sts.{label}.amazonaws.com", "aws") is None) is (label == "us-east-1")


@pytest.mark.parametrize(
    "host, region",
    [
        pytest.param("sts.amazonaws.com", "us-east-1", id="SR-01"),
        pytest.param("sts.us-west-2.amazonaws.com", "us-west-2", id="SR-02"),
        pytest.param("sts.eu-central-1.amazonaws.com", "eu-central-1", id="SR-03"),
        pytest.param("", None, id="SR-04"),
        pytest.param("sts", None, id="SR-05"),
        pytest.param("sts.wrongformat", None, id="SR-06"),
    ],
)
def test_regions_of_hosts(host: str, region: str | None) -> None:
    """A host names the region that a token for it is signed for, or is no STS host."""
    understood = understand_host(host)
    assert (understood.scope_region if understood else None) == region
    assert (refuse_host(host, "aws") is None) is (region is not None)


@pytest.mark.parametrize(
    "region, host",
    [
        pytest.param("eu-isoe-west-1", "sts.eu-isoe-west-1.cloud.adc-e.uk", id="DH-01"),
        pytest.param("eu-isoe-north-7", "sts.eu-isoe-north-7.cloud.adc-e.uk", id="DH-02"),
        pytest.param("us-iso-test-1", "sts.us-iso-test-1.c2s.ic.gov", id="DH-03"),
    ],
)
def test_host_names_of_partitions_apart(region: str, host: str) -> None:
    """Isolated partitions have suffixes of their own, also for regions that are newer than this program."""
    understood = understand_host(host)
    assert understood is not None
    assert understood.region == region
    assert sts_host(region) == host
    assert refuse_host(host, understood.partition) is None
    assert refuse_host(host, "aws") is not None


def test_a_region_that_is_none() -> None:
    """DH-04: an underscore is in no region, so no host of it is STS."""
    assert not is_region_label("test_123")
    assert refuse_host("sts.test_123.c2s.ic.gov", "aws-iso") is not None


@pytest.mark.parametrize(
    "hosts, allowed",
    [
        pytest.param(["sts.us-east-1.amazonaws.com", "sts.eu-west-1.amazonaws.com"], [True, True], id="HC-01"),
        pytest.param(["sts.evil.example", "evil.example"], [False, False], id="HC-02"),
        pytest.param(["sts.us-east-1.amazonaws.com", "evil.example"], [True, False], id="HC-03"),
        pytest.param(["sts.amazonaws.com", "sts.us-east-1.api.aws"], [True, True], id="HC-04"),
    ],
)
def test_no_host_is_remembered(hosts: list[str], allowed: list[bool]) -> None:
    """Whatever was asked before, in whatever order, a host is judged by its name alone."""
    for _ in range(2):
        assert [refuse_host(host, "aws") is None for host in hosts] == allowed
        assert [refuse_host(host, "aws") is None for host in reversed(hosts)] == allowed[::-1]
        assert refuse_host(hosts[0], "aws-cn") is not None, "what one partition may is nothing to another"


@pytest.mark.parametrize(
    "arn, canonical",
    [
        pytest.param("garbage", None, id="ARN-01"),
        pytest.param(f"arn:aws:iam::{A}:user/Alice", f"arn:aws:iam::{A}:user/Alice", id="ARN-02"),
        pytest.param(f"arn:aws:iam::{A}:role/Admin", f"arn:aws:iam::{A}:role/Admin", id="ARN-03"),
        pytest.param(f"arn:aws:sts::{A}:assumed-role/Admin/s", f"arn:aws:iam::{A}:role/Admin", id="ARN-04"),
        pytest.param(f"arn:aws:sts::{A}:federated-user/Bob", f"arn:aws:sts::{A}:federated-user/Bob", id="ARN-05"),
        pytest.param(f"arn:aws:iam::{A}:root", f"arn:aws:iam::{A}:root", id="ARN-06"),
        pytest.param(f"arn:aws:sts::{A}:assumed-role/Org/Team/Admin/s", f"arn:aws:iam::{A}:role/Org/Team/Admin", id="ARN-07"),
        pytest.param(f"arn:aws-iso:iam::{A}:user/Ann", f"arn:aws-iso:iam::{A}:user/Ann", id="ARN-08"),
        pytest.param(f"arn:aws-iso-b:iam::{A}:user/Ann", f"arn:aws-iso-b:iam::{A}:user/Ann", id="ARN-09"),
    ],
)  # fmt: skip
def test_canonical_arns(arn: str, canonical: str | None) -> None:
    """Sessions stand for their role; users and roles keep their paths; what is no principal is refused."""
    if canonical is None:
        with pytest.raises(ValueError, match="not an ARN"):
            canonical_principal(arn)
    else:
        assert canonical_principal(arn)[1] == canonical


@pytest.mark.parametrize(
    "written, caller, same",
    [
        pytest.param("garbage", f"arn:aws:sts::{A}:assumed-role/name/s", False, id="SP-01"),
        pytest.param(f"arn:aws:iam::{A}:role/a/b/name", f"arn:aws:sts::{A}:assumed-role/name/s", True, id="SP-02"),
        pytest.param(f"arn:aws:iam::{A}:role/name", f"arn:aws:sts::{A}:assumed-role/name/s", True, id="SP-03"),
        pytest.param(f"arn:aws:iam::{A}:user/a/name", f"arn:aws:iam::{A}:user/a/name", True, id="SP-04"),
        pytest.param(f"arn:aws:iam::{A}:user/a/name", f"arn:aws:iam::{A}:user/name", False, id="SP-04-kept"),
        pytest.param(f"arn:aws:sts::{A}:federated-user/f", f"arn:aws:sts::{A}:federated-user/f", True, id="SP-05"),
    ],
)
def test_paths_are_left_out_of_roles_only(written: str, caller: str, same: bool) -> None:
    """Beside a unique id an entry's ARN must be the caller's: without the path of a role, with that of a user."""
    who = identity(caller)
    table = UserIdTable(Mappings(roles=(RoleMapping(written, None, "ci", (), Source("f", 1), who.user_id),)))
    assert isinstance(table.lookup(who), Match) is same


def test_a_role_needs_a_session() -> None:
    """ID-07: the user id of a role without a session part is malformed, and here that is tested."""
    with pytest.raises(IdentityRefused):
        identity_from(
            CallerIdentity(A, f"arn:aws:sts::{A}:assumed-role/R/s", "AROAEXAMPLE"),
            access_key_id="ASIAEXAMPLE",
            sts_host="sts.us-west-2.amazonaws.com",
            partition="aws",
        )


@pytest.mark.parametrize(
    "name, account, matches",
    [
        pytest.param(f"AWSReservedSSO_View_{HASH}", A, True, id="AL-01"),
        pytest.param(f"AWSReservedSSO_View_{HASH}", "999999999999", False, id="AL-10"),
        pytest.param(f"AWSReservedSSO_View_{HASH[:8]}:{HASH[8:]}", A, False, id="AL-11"),
    ],
)
def test_the_one_pattern_that_there_is(name: str, account: str, matches: bool) -> None:
    """Permission sets are matched by name and account, not by a pattern over the whole ARN."""
    entry = f"- sso: {{permissionSetName: View, accountID: '{A}'}}\n  username: u\n  groups: [g]\n"
    who = identity(f"arn:aws:sts::{account}:assumed-role/{name}/s")
    assert isinstance(mounted(mapRoles=entry).lookup(who), Match) is matches


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(f"arn:aws:iam::{A}:*", id="AL-02"),
        pytest.param("arn:*:*:*:*:*", id="AL-03"),
        pytest.param(f"arn:aws:iam::{A}:**", id="AL-04"),
        pytest.param(f"arn:aws:iam::{A}:*role*", id="AL-05"),
        pytest.param(f"arn:aws:iam::{A}:ro*", id="AL-06"),
        pytest.param(f"arn:aws:iam::{A}:{'?' * 13}", id="AL-07"),
        pytest.param(f"arn:aws:iam::{A}:role/CICD.ole", id="AL-08"),
        pytest.param(f"arn:aws:iam::{A}:role/CICD[a-zA-Z]*", id="AL-09"),
    ],
)
def test_nothing_in_a_role_arn_is_a_pattern(written: str) -> None:
    """ARNs are compared letter by letter: stars, question marks and what regular expressions know mean nothing."""
    entry = f"- rolearn: '{written}'\n  username: u\n  groups: [g]\n"
    assert not isinstance(aws_auth(mapRoles=entry).lookup(identity()), Match)


def test_partitions_are_the_eight() -> None:
    """HOST-aws and the others: each partition takes its own hosts, the global one is commercial (HOST-global)."""
    for name, region in {
        "aws": "eu-west-1",
        "aws-cn": "cn-north-1",
        "aws-us-gov": "us-gov-east-1",
        "aws-iso": "us-iso-east-1",
        "aws-iso-b": "us-isob-east-1",
        "aws-iso-e": "eu-isoe-west-1",
        "aws-iso-f": "us-isof-east-1",
        "aws-eusc": "eusc-de-east-1",
    }.items():
        assert partition_named(name) is not None
        assert refuse_host(sts_host(region), name) is None
        assert (refuse_host("sts.amazonaws.com", name) is None) is (name == "aws")


@pytest.mark.parametrize(
    "host, partition, code",
    [
        pytest.param("sts.us-gov-west-1.amazonaws.com", "aws", "token.partition_mismatch", id="HOST-gov"),
        pytest.param("sts.us-east-1.amazonaws.com", "aws-us-gov", "token.partition_mismatch", id="HOST-gov-commercial"),
        pytest.param("sts.not-a-region.amazonaws.com", "aws", "token.region_unknown", id="HOST-any"),
        pytest.param("sts.default-region.amazonaws.com", "aws", "token.region_unknown", id="HOST-own"),
    ],
)
def test_hosts_that_only_the_reference_takes(host: str, partition: str, code: str) -> None:
    """Each has its own reason."""
    refusal = refuse_host(host, partition)
    assert refusal is not None
    assert refusal.code == code
