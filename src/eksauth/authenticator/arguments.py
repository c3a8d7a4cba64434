"""Checks of what a judgement is asked with. Pure."""

from __future__ import annotations

from eksauth.aws.partitions import PARTITIONS, partition_named
from eksauth.errors import ConfigError


def checked_cluster_id(cluster_id: str) -> str:
    """Return ``cluster_id`` if an HTTP header can carry it.

    :raises ConfigError: when it is empty, has control characters or is not UTF-8.
    """
    if not cluster_id.strip():
        raise ConfigError("the cluster id is empty", hint="give the name that tokens are minted with (--cluster-name)")
    if any(ord(letter) < 0x20 or ord(letter) == 0x7F or "\ud800" <= letter <= "\udfff" for letter in cluster_id):
        raise ConfigError("the cluster id holds what no HTTP header can carry", hint="give the cluster's plain name")
    return cluster_id


def checked_partition(partition: str) -> str:
    """Return ``partition`` if it exists.

    :raises ConfigError: with the known ones in the hint.
    """
    if partition_named(partition) is None:
        names = ", ".join(known.name for known in PARTITIONS)
        raise ConfigError(f"no such partition: {partition!r}", hint=f"one of {names}")
    return partition
