"""What the authenticator counts: the names that dashboards for aws-iam-authenticator know, and our own.

The inherited names, labels and buckets are kept to the letter, the misspelt ``uknown_user`` included. One deviation:
``StsRegion`` holds a region of the closed list, ``global`` or ``other``, because the text comes out of a token that
nobody has verified and every new label value costs memory for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from eksauth.aws.partitions import is_known_region

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
GLOBAL_STS_HOST: Final = "sts.amazonaws.com"
SUCCESS: Final = "success"
MALFORMED: Final = "malformed_request"
RESULTS: Final = (SUCCESS, "invalid_token", "sts_error", "sts_throttling", "uknown_user", MALFORMED)
_GO_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


def result_label(*, allowed: bool, reason: str) -> str:
    """Return the ``result`` of aws-iam-authenticator for one of our reason codes."""
    if allowed:
        return SUCCESS
    if reason.startswith(("token.", "audience.")):
        return "invalid_token"
    if reason == "sts.throttled":
        return "sts_throttling"
    return "sts_error" if reason.startswith("sts.") else "uknown_user"


def region_label(unverified_host: str) -> str:
    """Return the bounded label for the STS host that a token names."""
    if unverified_host == GLOBAL_STS_HOST:
        return "global"
    labels = unverified_host.split(".", 2)
    return labels[1] if len(labels) > 2 and is_known_region(labels[1]) else "other"


class Metrics:
    """All instruments of one server, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        latency = Histogram(
            "aws_iam_authenticator_authenticate_latency_seconds",
            "Time to answer an authenticate request, by result.",
            ["result"],
            buckets=_GO_BUCKETS,
            registry=self.registry,
        )
        # resolving a label costs more than observing, and the results are known
        self._latency = {result: latency.labels(result) for result in RESULTS}
        self._sts_failures = self._counter(
            "aws_iam_authenticator_sts_connection_failures", "STS could not be reached or did not answer.", "StsRegion"
        )
        self._sts_throttling = self._counter(
            "aws_iam_authenticator_sts_throttling", "STS answered that it is throttling.", "StsRegion"
        )
        self._sts_responses = self._counter(
            "aws_iam_authenticator_sts_responses", "Answers of STS by HTTP status.", "ResponseCode", "StsRegion"
        )
        self._sts_extra = self._counter(
            "eksauth_sts_extra_attempts",
            "Attempts after a failed one (retry), and at a late question (hedge_won, hedge_lost).",
            "kind",
            "StsRegion",
        )
        self._sts_circuits = Gauge(
            "eksauth_sts_circuits_open",
            "STS hosts that are left alone because they give no answers.",
            ["StsRegion"],
            registry=self.registry,
        )
        self._decisions = self._counter("eksauth_decisions", "Decisions about tokens by reason code.", "reason")
        self._by_reason: dict[str, Counter] = {}
        self._authorizations = self._counter(
            "eksauth_authorizations", "Answers about access: allowed by a policy, or no opinion.", "answer"
        )
        self.cache_hits = self._plain("eksauth_verification_cache_hits", "Decisions taken from memory.")
        self.cache_misses = self._plain("eksauth_verification_cache_misses", "Decisions that had to be made.")
        self.joined = self._plain(
            "eksauth_verification_joined", "Requests that shared a verification which was already under way."
        )
        self.shed = self._plain("eksauth_requests_shed", "Requests turned away because too many were under way.")
        self.dropped = self._plain(
            "eksauth_connections_dropped", "Connections closed for sending nothing in time, or for being too many."
        )
        self.handshake_failures = self._plain(
            "eksauth_tls_handshake_failures", "Connections that ended before their TLS handshake did."
        )
        self.errors = self._plain("eksauth_internal_errors", "Requests that failed for a reason nobody foresaw.")
        self.in_flight = Gauge("eksauth_requests_in_flight", "Requests being answered.", registry=self.registry)
        self.connections = Gauge("eksauth_connections_open", "Open client connections.", registry=self.registry)
        self.ec2_calls = self._plain(
            "aws_iam_authenticator_ec2_describe_instances_calls", "Calls to EC2 for the names of nodes."
        )
        self.ready = Gauge("eksauth_ready", "1 when the server should get requests.", registry=self.registry)
        self.certificate_until = Gauge(
            "eksauth_certificate_expiry_timestamp_seconds",
            "When the server's certificate ends, in epoch seconds.",
            registry=self.registry,
        )
        ages = Histogram(
            "aws_iam_authenticator_dynamic_e2e_latency_seconds",
            "Seconds from the writing of an update to its effect.",
            ["type"],
            buckets=(1, 3, 5, 10, 15, 20, 30, 60),
            registry=self.registry,
        )
        self.dynamic_file_age = ages.labels("dynamic_file").observe
        self.mode_switch_age = ages.labels("dynamic_backend_mode").observe
        self.before_exposition: list[Callable[[], None]] = []
        self._cached = Gauge(
            "eksauth_verification_cache_entries", "Decisions held in memory.", ["kind"], registry=self.registry
        )

    def observe_malformed(self, seconds: float) -> None:
        """Count a request that was no TokenReview."""
        self._latency[MALFORMED].observe(seconds)

    def observe_decision(self, *, allowed: bool, reason: str, seconds: float) -> None:
        """Count a decision and the time it took."""
        self._latency[result_label(allowed=allowed, reason=reason)].observe(seconds)
        counter = self._by_reason.get(reason)
        if counter is None:
            counter = self._by_reason[reason] = self._decisions.labels(reason)
        counter.inc()

    def observe_authorization(self, *, allowed: bool) -> None:
        """Count an answer about access."""
        self._authorizations.labels("allowed" if allowed else "no_opinion").inc()

    def sts_answered(self, unverified_host: str, status: int) -> None:
        """Count an answer of STS, whatever it says."""
        code = str(status) if 100 <= status <= 599 else "other"
        self._sts_responses.labels(code, region_label(unverified_host)).inc()

    def sts_throttled(self, unverified_host: str) -> None:
        """Count an answer of STS that says: slow down."""
        self._sts_throttling.labels(region_label(unverified_host)).inc()

    def sts_unreachable(self, unverified_host: str) -> None:
        """Count a call that got no answer."""
        self._sts_failures.labels(region_label(unverified_host)).inc()

    def sts_extra_attempt(self, unverified_host: str, kind: str) -> None:
        """Count an attempt that was not the first."""
        self._sts_extra.labels(kind, region_label(unverified_host)).inc()

    def sts_circuit(self, unverified_host: str, *, is_open: bool) -> None:
        """Count a host that is left alone, or no longer."""
        self._sts_circuits.labels(region_label(unverified_host)).inc(1 if is_open else -1)

    def exposition(self, cached: tuple[int, int] = (0, 0)) -> bytes:
        """Return everything in the Prometheus text format; ``cached`` is how many grants and refusals are held."""
        self.bring_up_to_date(cached)
        return generate_latest(self.registry)

    def bring_up_to_date(self, cached: tuple[int, int]) -> None:
        """Set the gauges of what nobody counts as it happens."""
        for update in self.before_exposition:
            update()
        self._cached.labels("grant").set(cached[0])
        self._cached.labels("refusal").set(cached[1])

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _plain(self, name: str, text: str) -> Counter:
        return Counter(name, text, registry=self.registry)
