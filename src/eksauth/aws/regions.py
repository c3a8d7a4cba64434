"""Which regions an account uses: asked of AWS, else every region of the partition.

``account:ListRegions`` comes first because its client is small; loading botocore's model of EC2 takes half a second.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from eksauth.aws.partitions import AWS, Partition

_ENABLED = ["ENABLED", "ENABLED_BY_DEFAULT"]


@dataclass(frozen=True, slots=True)
class Regions:
    """Region names, sorted; ``certain`` is False when AWS would not say and disabled ones may be among them."""

    names: tuple[str, ...]
    certain: bool


def enabled_regions(
    client: Callable[[str, str], Any], partition: Partition = AWS, *, region: str | None = None
) -> Regions:
    """Return the regions that are enabled for the caller's account.

    Tries ``account:ListRegions``, then ``ec2:DescribeRegions``, then takes all regions of the partition: only a few
    callers may ask either.

    :param client: makes a botocore client of a service in a region.
    :param region: where to ask; by default the partition's first region.
    """
    home = region or (min(partition.regions) if partition is not AWS else "us-east-1")
    asks: Sequence[Callable[[], list[str]]] = (
        lambda: _by_account(client("account", home)),
        lambda: _by_ec2(client("ec2", home)),
    )
    for ask in asks:
        try:
            names = ask()
        except (ClientError, BotoCoreError, ResponseParserError):
            continue
        if names:
            return Regions(tuple(sorted(names)), certain=True)
    return Regions(tuple(sorted(partition.regions)), certain=False)


def _by_account(client: Any) -> list[str]:
    pages = client.get_paginator("list_regions").paginate(RegionOptStatusContains=_ENABLED)
    return [
        str(found["RegionName"]) for page in pages for found in page.get("Regions") or [] if found.get("RegionName")
    ]


def _by_ec2(client: Any) -> list[str]:
    answer = client.describe_regions(AllRegions=False)
    return [str(found["RegionName"]) for found in answer.get("Regions") or [] if found.get("RegionName")]
