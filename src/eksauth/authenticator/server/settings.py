"""What can be set about a server, besides how it judges. Defaults are those of a server in production."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """How requests are answered.

    :param audiences: audiences that tokens are good for; None accepts what is asked.
    :param explain_refusals: put the reason of definitive refusals into ``status.error``, which stops API servers from
        caching them.
    :param scrubbed_accounts: accounts whose identities stay out of the log.
    :param body_bytes: the largest body that is read.
    :param read_timeout: seconds that a body may take to arrive.
    """

    audiences: frozenset[str] | None = None
    explain_refusals: bool = False
    scrubbed_accounts: frozenset[str] = frozenset()
    body_bytes: int = 64 * 1024
    read_timeout: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheSettings:
    """How long and how many verifications are remembered; times in seconds, 0 switches a room off."""

    ttl: float = 900.0
    negative_ttl: float = 30.0
    size: int = 16_384
    negative_size: int = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one server takes on; times in seconds.

    :param verifications: different tokens under verification at once; more are answered 429.
    :param unproven: of these, how many with STS hosts that have never answered; more are answered 504. Well below
        the connections that :mod:`eksauth.authenticator.sts.client` opens.
    :param verifications_per_source: of these, how many of one peer address; more are answered 429.
    :param rate_per_source: verifications a second that one peer address may begin; 0 for no limit.
    :param connections: open connections, counted from the end of the TLS handshake. When there are more, one that never
        sent a request is closed, or else the newest.
    :param connections_per_source: of one peer address, handshakes included; more are closed at once.
    :param handshakes: TLS handshakes under way; when there are more, the oldest is ended.
    :param handshake: for TLS.
    :param headers: from connecting to the first request.
    :param idle: between requests of one connection.
    :param decision: for one verification, and again for one mapping; each asks AWS for 10 s at most.
    :param drain_delay: between saying that the server is unready and closing its socket, for load balancers that need
        time to notice.
    :param grace: for requests under way when the server is told to stop.
    """

    verifications: int = 1_000
    verifications_per_source: int = 500
    rate_per_source: float = 0.0
    unproven: int = 128
    connections: int = 2_000
    connections_per_source: int = 1_000
    handshakes: int = 256
    handshake: float = 10.0
    headers: float = 10.0
    idle: float = 120.0
    decision: float = 22.0
    drain_delay: float = 0.0
    grace: float = 25.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SideSettings:
    """Plain HTTP ports beside the webhook; None is no such port, 0 a free one.

    :param status_port: metrics, probes and the status page.
    :param health_port: answers health checks as aws-iam-authenticator does.
    :param health_required: a health port that cannot be had is an error, not a warning.
    """

    status_address: str = "127.0.0.1"
    status_port: int | None = None
    health_address: str = "127.0.0.1"
    health_port: int | None = None
    health_required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """Everything about a server but the judging itself.

    :param hostname: what API servers call this server; goes into the certificate and the webhook kubeconfig.
    :param port: 0 takes a free one.
    :param kubeconfig: where the webhook kubeconfig is written; None writes none.
    :param shared: other processes listen on the same port.
    :param ready_file: gets a JSON object with the actual port once the server listens, and is removed at the end.
    """

    cluster_id: str
    state_dir: Path
    kubeconfig: Path | None
    address: str = "127.0.0.1"
    port: int = 21362
    hostname: str = "localhost"
    ready_file: Path | None = None
    shared: bool = False
    side: SideSettings = field(default_factory=SideSettings)
    cache: CacheSettings = field(default_factory=CacheSettings)
    limits: Limits = field(default_factory=Limits)
    webhook: WebhookSettings = field(default_factory=WebhookSettings)
