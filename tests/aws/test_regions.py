"""Which regions are looked into."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import botocore.session
import pytest
from botocore.stub import Stubber

from eksauth.aws.partitions import AWS, partition_named
from eksauth.aws.regions import enabled_regions

Client = Callable[[str, str], Any]


def clients(answers: dict[str, list[dict[str, Any]] | str], asked: list[tuple[str, str]]) -> Client:
    """Return a maker of clients that give these answers, or this error code, without a network."""
    session = botocore.session.Session()
    session.set_credentials("AKIDEXAMPLE", "secret")
    operations = {"account": "list_regions", "ec2": "describe_regions"}

    def make(service: str, region: str) -> Any:
        asked.append((service, region))
        client = session.create_client(service, region)
        stub = Stubber(client)
        answer = answers[service]
        if isinstance(answer, str):
            stub.add_client_error(operations[service], answer)
        else:
            for page in answer:
                stub.add_response(operations[service], page)
        stub.activate()
        return client

    return make


def test_the_account_api_is_asked_first() -> None:
    """Every page of ListRegions counts, and EC2 is left alone."""
    asked: list[tuple[str, str]] = []
    pages: list[dict[str, Any]] = [
        {"Regions": [{"RegionName": "us-east-1"}, {"RegionName": "eu-west-1"}], "NextToken": "more"},
        {"Regions": [{"RegionName": "ap-east-2"}]},
    ]
    found = enabled_regions(clients({"account": pages}, asked))
    assert (found.names, found.certain) == (("ap-east-2", "eu-west-1", "us-east-1"), True)
    assert asked == [("account", "us-east-1")]


def test_ec2_is_asked_when_the_account_api_refuses() -> None:
    """More callers may describe regions than list them."""
    asked: list[tuple[str, str]] = []
    answers: dict[str, list[dict[str, Any]] | str] = {
        "account": "AccessDeniedException",
        "ec2": [{"Regions": [{"RegionName": "eu-west-1"}]}],
    }
    found = enabled_regions(clients(answers, asked))
    assert (found.names, found.certain) == (("eu-west-1",), True)
    assert [service for service, _ in asked] == ["account", "ec2"]


@pytest.mark.parametrize("name", ["aws", "aws-cn", "aws-us-gov"])
def test_all_regions_of_the_partition_are_the_last_resort(name: str) -> None:
    """A caller who may ask neither gets every region, marked as a guess; each partition is asked at home."""
    asked: list[tuple[str, str]] = []
    partition = partition_named(name) or AWS
    answers: dict[str, list[dict[str, Any]] | str] = {"account": "AccessDenied", "ec2": "UnauthorizedOperation"}
    found = enabled_regions(clients(answers, asked), partition)
    assert (frozenset(found.names), found.certain) == (partition.regions, False)
    assert {region for _, region in asked} <= partition.regions


def test_an_empty_answer_is_no_answer() -> None:
    """An account without regions does not exist; whoever answers so is not asked further."""
    answers: dict[str, list[dict[str, Any]] | str] = {"account": [{"Regions": []}], "ec2": [{}]}
    assert not enabled_regions(clients(answers, [])).certain
