"""From a configuration to a running authenticator: the use-case behind ``eksauth server run``."""

from __future__ import annotations

import asyncio
import logging
import resource
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from eksauth.authenticator.arguments import checked_cluster_id, checked_partition
from eksauth.authenticator.backends.assemble import check_backends
from eksauth.authenticator.backends.live import LiveConfiguration
from eksauth.authenticator.config import DEFAULT_HEALTH_PORT, LIMITS, ServerConfig
from eksauth.authenticator.decide import build_authenticator
from eksauth.authenticator.entries.authorize import Opinion, authorize
from eksauth.authenticator.mapping.model import Mappings
from eksauth.authenticator.mapping.modes import backend_modes
from eksauth.authenticator.nodes.ec2 import Ec2
from eksauth.authenticator.nodes.names import PrivateDnsNames
from eksauth.authenticator.nodes.rate import RateLimit
from eksauth.authenticator.server.certs import ServerCertificate
from eksauth.authenticator.server.decision_log import LEVELS, LOGGER_NAME
from eksauth.authenticator.server.doors.side_ports import SidePorts
from eksauth.authenticator.server.lifecycle import Ending, Reload, run
from eksauth.authenticator.server.metrics import Metrics
from eksauth.authenticator.server.notices import Notices, log_problems
from eksauth.authenticator.server.notify import Notifier
from eksauth.authenticator.server.process import AuthenticatorServer
from eksauth.authenticator.server.reviews.webhook import NO_ENTRIES
from eksauth.authenticator.server.settings import CacheSettings, Limits, ServerSettings, SideSettings, WebhookSettings
from eksauth.authenticator.server.sts_metrics import MeteredSts, StsObserver
from eksauth.authenticator.server.workers.remote_view import RemoteView
from eksauth.authenticator.sts.client import StsClient
from eksauth.authenticator.sts.hosts import StsHosts
from eksauth.authenticator.sts.shares import SharedSts
from eksauth.errors import ConfigError
from eksauth.kube.rbac import Attributes

_log = logging.getLogger(LOGGER_NAME)
_DEFAULTS = CacheSettings()


def check(config: ServerConfig) -> None:
    """Check what the command line may have changed.

    :raises ConfigError: with the fix in the hint.
    """
    if not config.cluster_id:
        raise ConfigError("no cluster id", hint="set clusterID in the configuration file, or give --cluster-id")
    checked_cluster_id(config.cluster_id)
    checked_partition(config.partition)
    if config.log_verbosity not in LEVELS:
        raise ConfigError(f"no such log verbosity: {config.log_verbosity!r}", hint=f"one of {', '.join(LEVELS)}")
    backend_modes(config.backend_modes)
    check_backends(config)


def settings_of(
    config: ServerConfig,
    *,
    cache_ttl: float | None = None,
    negative_ttl: float | None = None,
    audiences: frozenset[str] | None = None,
    ready_file: Path | None = None,
) -> ServerSettings:
    """Return the settings of the server that ``config`` describes; None keeps a default."""
    return ServerSettings(
        cluster_id=config.cluster_id,
        state_dir=config.state_dir,
        kubeconfig=None if config.kubeconfig_pregenerated else config.generate_kubeconfig,
        address=config.address,
        port=config.port,
        hostname=config.hostname,
        ready_file=ready_file,
        cache=CacheSettings(
            ttl=_DEFAULTS.ttl if cache_ttl is None else cache_ttl,
            negative_ttl=_DEFAULTS.negative_ttl if negative_ttl is None else negative_ttl,
        ),
        webhook=WebhookSettings(
            audiences=audiences,
            explain_refusals=config.explain_refusals,
            scrubbed_accounts=config.scrubbed_accounts,
        ),
        limits=limits_of(config),
        side=side_of(config),
    )


def limits_of(config: ServerConfig) -> Limits:
    """Return the limits that ``config`` sets; the others are the defaults."""
    fields = {LIMITS[name]: value for name, value in config.limits.items()}
    return replace(Limits(drain_delay=float(config.drain_delay_seconds)), **fields)


def side_of(config: ServerConfig) -> SideSettings:
    """Return the ports beside the webhook.

    The health port of aws-iam-authenticator is there unless it is switched off, on loopback; not where the webhook
    takes any free port, which is what servers do that are one of many.
    """
    wanted = config.health_port if config.health_port is not None else (DEFAULT_HEALTH_PORT if config.port else 0)
    return SideSettings(
        status_address=config.status_address,
        status_port=config.status_port,
        health_address=config.health_address,
        health_port=wanted or None,
        health_required=config.health_port is not None,
    )


async def serve(
    config: ServerConfig,
    settings: ServerSettings,
    *,
    read: Callable[[], Awaitable[ServerConfig]] | None = None,
    path: Path | None = None,
    link: socket.socket | None = None,
) -> int:
    """Serve until told to stop and return the exit code.

    :param read: reads the configuration again, when it came from a file; raises ConfigError.
    :param path: that file, to notice changes of.
    :param link: to the supervisor, when this is one of several workers.
    :raises ConfigError: when something that ``config`` names cannot be used.
    """
    metrics = Metrics()
    notices = Notices(metrics)
    allow_many_connections(settings.limits.connections)

    def adopt(newer: ServerConfig) -> None:
        authenticator.adopt(newer.reserved_prefixes, newer.scrubbed_accounts)
        server.webhook.settings = replace(server.webhook.settings, scrubbed_accounts=newer.scrubbed_accounts)

    live = LiveConfiguration(
        config,
        notice=notices,
        read=read,
        path=path,
        adopted=adopt,
        dynamic_file_age=metrics.dynamic_file_age,
        mode_switched=metrics.mode_switch_age,
        watch_failed=notices.watch_failed,
        remark=notices.remark,
    )
    # the backends have them; held here as well they would stay in memory when newer ones have replaced them
    config = replace(config, mappings=Mappings())

    ec2 = Ec2(
        role_arn=config.ec2_describe_instances_role_arn, source_arn=config.source_arn, called=metrics.ec2_calls.inc
    )
    rate = RateLimit(config.ec2_describe_instances_qps, config.ec2_describe_instances_burst)
    nodes = PrivateDnsNames(ec2.describe, rate)

    def authorize_request(request: Attributes) -> Opinion:
        table = live.entry_table()
        return authorize(table, request) if table is not None else NO_ENTRIES

    async with StsClient(
        overrides=config.sts_endpoint_overrides, ca_file=config.sts_ca_file, on_reply=metrics.sts_answered
    ) as sts:
        hosts = StsHosts(sts, observer=StsObserver(metrics))
        shared = SharedSts(hosts, unproven=settings.limits.unproven)
        authenticator = build_authenticator(
            config, MeteredSts(shared, metrics), mapping=live.chain, private_dns_name=nodes.find
        )
        server = AuthenticatorServer(settings, authenticator, metrics, authorize_request)
        server.seen.statuses, server.seen.hosts = live.chain.statuses, hosts.known
        log_problems(config.warnings)
        metrics.before_exposition.append(lambda: notices.observe(live.chain.statuses()))
        try:
            await live.start()
            if link is not None:
                return await _work(server, live.reload, link)
            sides = SidePorts(settings, server.view)
            return await run(server, live.reload, notifier=Notifier(), sides=sides)
        finally:
            await live.close()
            await nodes.close()


async def _work(server: AuthenticatorServer, reload: Reload, link: socket.socket) -> int:
    """Serve as one of several workers."""
    view, ending = RemoteView(server.seen), Ending()
    server.view = view
    await view.channel.open(link)

    async def started(certificate: ServerCertificate) -> None:  # noqa: ARG001  announced for all at once
        await view.channel.ask("started")

    async def end_with_the_supervisor() -> None:
        await view.channel.ended.wait()
        ending.stopping.set()

    watch = asyncio.create_task(end_with_the_supervisor(), name="watch supervisor")
    try:
        return await run(server, reload, notifier=Notifier({}), ending=ending, started=started)
    finally:
        watch.cancel()
        await view.channel.close()


def allow_many_connections(connections: int) -> None:
    """Raise this process's own limit of open files so that ``connections`` fit in; as far as the system lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # STS connections, log and the like come on top
    wanted = connections + 512
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's loop where it is installed; None stands for asyncio's own."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        return None
    loop: Callable[[], asyncio.AbstractEventLoop] = new_event_loop
    return loop
