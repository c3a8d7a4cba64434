"""``eksauth server run``: the authenticator as a process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from eksauth.cli.go_flags import GoFlags
from eksauth.cli.server_options import common_options, limits, missing

LEVELS = ("panic", "fatal", "error", "warning", "info", "debug", "trace")

RUN_EPILOG = """\b
Example: eksauth server run --config /etc/eksauth/server.yaml --cluster-id demo
API server: --authentication-token-webhook-config-file=KUBECONFIG (the generated one)
            --authentication-token-webhook-version=v1

Options given here beat the configuration file. SIGTERM drains and stops; a second one stops at once."""


@click.command(cls=GoFlags, epilog=RUN_EPILOG)
@common_options
@click.option("--partition", help="AWS partition of the cluster (default aws).")
@click.option("--backend-mode", multiple=True, help="Where mappings come from, in order (default MountedFile).")
@click.option(
    "--kubeconfig", type=click.Path(path_type=Path), help="How the cluster is reached; default: from inside it."
)
@click.option("--master", metavar="URL", help="API server of the cluster, instead of the kubeconfig's.")
@click.option("--ec2-describeInstances-qps", "ec2_qps", type=click.IntRange(1), help="Calls a second (default 15).")
@click.option("--ec2-describeInstances-burst", "ec2_burst", type=click.IntRange(1), help="Calls at once (default 5).")
@click.option("--feature-gates", help="Taken for compatibility; every gate's behaviour is always there.")
@click.option("--cache-ttl", type=click.FloatRange(0, 900), help="Seconds a verification is kept (default 900).")
@click.option("--no-cache", is_flag=True, help="Ask STS for every request.")
@click.option("--audience", multiple=True, help="Audience that tokens are good for; repeatable. Default: all.")
@click.option("--explain-refusals", is_flag=True, help="Tell API servers why; they then cache no refusal.")
@click.option("--workers", type=click.IntRange(1, 64), help="Processes that share the port (default 1).")
@click.option("--status-address", help="Address of the status port (default 127.0.0.1).")
@click.option(
    "--status-port",
    type=click.IntRange(0, 65535),
    help="Plain HTTP with /metrics, /healthz, /readyz and a status page; 0 takes a free port. Default: none.",
)
@click.option("--health-address", help="Address of the health port (default 127.0.0.1).")
@click.option(
    "--health-port",
    type=click.IntRange(0, 65535),
    help="Plain HTTP that says ok (default 21363, none with --port 0); 0 for none.",
)
@click.option(
    "--drain-delay", type=click.IntRange(0, 300), help="Seconds between SIGTERM and closing the port (default 0)."
)
@click.option("--limit", multiple=True, metavar="NAME=NUMBER", help="As in server.limits, e.g. connections=2000.")
@click.option("--log-format", "-l", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option(
    "--log-verbosity",
    "-v",
    type=click.Choice(LEVELS),
    envvar="AWS_IAM_AUTHENTICATOR_LOG_VERBOSITY",
    help="Least level that is logged (default info).",
)
@click.option("--ready-file", type=click.Path(path_type=Path), hidden=True)
def run(
    config: Path | None,
    cluster_id: str | None,
    address: str | None,
    port: int | None,
    hostname: str | None,
    state_dir: Path | None,
    generate_kubeconfig: Path | None,
    kubeconfig_pregenerated: bool | None,
    partition: str | None,
    backend_mode: tuple[str, ...],
    kubeconfig: Path | None,
    master: str | None,
    ec2_qps: int | None,
    ec2_burst: int | None,
    feature_gates: str | None,  # noqa: ARG001  a gate that is not there cannot be off
    cache_ttl: float | None,
    no_cache: bool,
    audience: tuple[str, ...],
    explain_refusals: bool,
    workers: int | None,
    status_address: str | None,
    status_port: int | None,
    health_address: str | None,
    health_port: int | None,
    drain_delay: int | None,
    limit: tuple[str, ...],
    log_format: str,
    log_verbosity: str | None,
    ready_file: Path | None,
) -> int:
    """Answer TokenReviews over HTTPS until told to stop."""
    try:
        from eksauth.authenticator.mapping.modes import backend_modes
        from eksauth.authenticator.server.launch import Launch
        from eksauth.authenticator.server.start import start
    except ImportError as error:
        raise missing(error) from None
    given: dict[str, Any] = {
        "cluster_id": cluster_id,
        "partition": partition,
        "address": address,
        "port": port,
        "hostname": hostname,
        "state_dir": state_dir,
        "generate_kubeconfig": generate_kubeconfig,
        "kubeconfig_pregenerated": kubeconfig_pregenerated,
        "backend_modes": backend_modes(backend_mode) if backend_mode else None,
        "log_verbosity": log_verbosity,
        "kubeconfig": kubeconfig,
        "master": master,
        "ec2_describe_instances_qps": ec2_qps,
        "ec2_describe_instances_burst": ec2_burst,
        "workers": workers,
        "status_address": status_address,
        "status_port": status_port,
        "health_address": health_address,
        "health_port": health_port,
        "drain_delay_seconds": drain_delay,
        "explain_refusals": explain_refusals or None,
        "limits": limits(limit),
    }
    return start(
        Launch(
            path=config,
            flags=given,
            cache_ttl=0 if no_cache else cache_ttl,
            negative_ttl=0 if no_cache else None,
            audiences=frozenset(audience) or None,
            log_format=log_format,
            ready_file=ready_file,
        )
    )
