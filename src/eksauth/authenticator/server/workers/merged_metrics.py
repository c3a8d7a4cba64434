"""The metrics of several processes as those of one server. Pure, except that it remembers workers that are gone.

Counters must never go down, or Prometheus takes a crash of one worker for a restart of all and counts everything again.
So what a worker had counted when it was last looked at stays in the sums.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

_LEAST = frozenset(
    (
        "eksauth_ready",
        "eksauth_backend_synced",
        "eksauth_certificate_expiry_timestamp_seconds",
        "process_start_time_seconds",
    )
)
_MOST = frozenset(
    (
        "eksauth_backend_entries",
        "eksauth_backend_held",
        "eksauth_backend_failing",
        "aws_iam_authenticator_dynamic_file_enabled",
        "aws_iam_authenticator_dynamic_file_only",
        "process_max_fds",
    )
)
"""Gauges that are not sums: of these the worst or the one value that all should have."""
_GROWING = frozenset(("counter", "histogram", "summary"))


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """One line of an exposition."""

    name: str
    labels: dict[str, str]
    value: float


class Family(msgspec.Struct, frozen=True, array_like=True):
    """One metric."""

    name: str
    text: str
    kind: str
    samples: list[Sample]


Snapshot = list[Family]


def snapshot(registry: CollectorRegistry) -> Snapshot:
    """Return what a registry holds now."""
    return [
        Family(
            metric.name,
            metric.documentation,
            metric.type,
            [Sample(sample.name, dict(sample.labels), sample.value) for sample in metric.samples],
        )
        for metric in registry.collect()
    ]


def what_stays(gone: Snapshot) -> Snapshot:
    """Return the part of a snapshot that still counts when its process is gone."""
    return [family for family in gone if family.kind in _GROWING]


def merge(snapshots: Iterable[Snapshot]) -> Snapshot:
    """Return sums, and for some gauges the least or the greatest."""
    families: dict[str, Family] = {}
    values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]] = {}
    for one in snapshots:
        for family in one:
            families.setdefault(family.name, family)
            merged = values.setdefault(family.name, {})
            for sample in family.samples:
                key = (sample.name, tuple(sample.labels.items()))
                before = merged.get(key)
                merged[key] = sample.value if before is None else _merged(sample.name, before, sample.value)
    return [
        Family(
            name, family.text, family.kind, [Sample(key[0], dict(key[1]), value) for key, value in values[name].items()]
        )
        for name, family in families.items()
    ]


def exposition(merged: Snapshot) -> bytes:
    """Return a snapshot in the Prometheus text format."""
    registry = CollectorRegistry()
    registry.register(_Fixed(merged))
    return generate_latest(registry)


def _merged(name: str, before: float, value: float) -> float:
    if name in _LEAST or name.endswith("_created"):
        return min(before, value)
    return max(before, value) if name in _MOST else before + value


class _Fixed(Collector):
    def __init__(self, families: Snapshot) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        for family in self._families:
            metric = Metric(family.name, family.text, family.kind)
            for sample in family.samples:
                metric.add_sample(sample.name, sample.labels, sample.value)
            yield metric
