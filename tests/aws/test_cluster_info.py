"""What DescribeCluster says, as a value."""

from __future__ import annotations

from typing import Any

import pytest

from eksauth.aws.cluster_info import parse_cluster_arn, read_cluster
from eksauth.errors import AwsError

ARN = "arn:aws-us-gov:eks:us-gov-west-1:111122223333:cluster/demo"
FULL = {
    "name": "demo",
    "arn": ARN,
    "status": "ACTIVE",
    "endpoint": "https://x",
    "certificateAuthority": {"data": "Q0E="},
    "version": "1.33",
    "resourcesVpcConfig": {"endpointPublicAccess": False, "endpointPrivateAccess": True},
    "accessConfig": {"authenticationMode": "API"},
}


def test_every_field_is_read() -> None:
    """Region, account and partition come from the ARN, not from where one happened to ask."""
    found = read_cluster(FULL, "demo", "us-east-1")
    assert (found.region, found.account, found.partition) == ("us-gov-west-1", "111122223333", "aws-us-gov")
    assert (found.endpoint, found.ca_data, found.version, found.status) == ("https://x", "Q0E=", "1.33", "ACTIVE")
    assert (found.public_endpoint, found.private_endpoint, found.authentication_mode) == (False, True, "API")
    assert (found.local_id, found.connector) == (None, None)


@pytest.mark.parametrize(
    "more, local_id",
    [
        ({"outpostConfig": {"outpostArns": ["x"]}, "id": "u-u"}, "u-u"),
        ({"outpostConfig": {"outpostArns": ["x"], "etcdInstanceType": "m5.large"}, "id": "u-u"}, None),
        ({"id": "u-u"}, None),
    ],
    ids=["local", "etcd in the region", "no Outpost"],
)
def test_local_clusters(more: dict[str, Any], local_id: str | None) -> None:
    """Only a local cluster that does not name its etcd instances goes by its id."""
    assert read_cluster({**FULL, **more}, "demo", "x").local_id == local_id


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {**FULL, "arn": None},
        {**FULL, "arn": "demo"},
        {**FULL, "arn": "arn:aws:iam::1:role/x"},
        {**FULL, "status": ""},
        {**FULL, "outpostConfig": {"outpostArns": ["x"]}},
    ],
    ids=["nothing", "list", "empty", "no ARN", "no real ARN", "a role", "no status", "local without id"],
)
def test_answers_that_lack_something(document: Any) -> None:
    """What every cluster has must be there; the AWS CLI would end in an attribute error or write nothing useful."""
    with pytest.raises(AwsError):
        read_cluster(document, "demo", "eu-west-1")


def test_nulls_count_as_absent() -> None:
    """A cluster that is being created has null where the endpoint and the CA will be."""
    found = read_cluster(
        {**FULL, "endpoint": None, "certificateAuthority": None, "resourcesVpcConfig": None, "accessConfig": None},
        "demo",
        "x",
    )
    assert (found.endpoint, found.ca_data, found.public_endpoint, found.authentication_mode) == ("", "", True, "")


@pytest.mark.parametrize(
    "text",
    [
        "demo",
        "arn:aws:eks:eu-west-1:111122223333:nodegroup/demo/x",
        "arn:aws:eks::111122223333:cluster/demo",
        "arn:aws",
    ],
)
def test_only_cluster_arns_are_cluster_arns(text: str) -> None:
    """Names and ARNs of other things are not taken for clusters."""
    assert parse_cluster_arn(text) is None


def test_a_cluster_arn_is_taken_apart() -> None:
    """The name is what follows cluster/."""
    found = parse_cluster_arn(ARN)
    assert found is not None
    assert (found[0].region, found[1]) == ("us-gov-west-1", "demo")
