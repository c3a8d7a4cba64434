"""``eksauth server run``: the authenticator as a process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from eksauth.cli.go_flags import GoFlags
from eksauth.cli.server_options import common_options, missing, with_flags

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
    log_format: str,
    log_verbosity: str | None,
    ready_file: Path | None,
) -> int:
    """Answer TokenReviews over HTTPS until told to stop."""
    import asyncio

    try:
        from eksauth.authenticator.backends.reading.read import read_server_config
        from eksauth.authenticator.config import ServerConfig
        from eksauth.authenticator.mapping.modes import backend_modes
        from eksauth.authenticator.server import decision_log
        from eksauth.authenticator.server import run as serve
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
    }

    async def read() -> ServerConfig:
        loaded = await read_server_config(config) if config is not None else ServerConfig()
        settled = with_flags(loaded, given)
        serve.check(settled)
        return settled

    settled = asyncio.run(read())
    decision_log.configure(log_format, settled.log_verbosity)
    settings = serve.settings_of(
        settled,
        cache_ttl=0 if no_cache else cache_ttl,
        negative_ttl=0 if no_cache else None,
        audiences=frozenset(audience) or None,
        explain_refusals=explain_refusals,
        ready_file=ready_file,
    )
    serving = serve.serve(settled, settings, read=read if config is not None else None, path=config)
    del settled  # or its mappings would stay in memory when newer ones have replaced them
    with asyncio.Runner(loop_factory=serve.loop_factory()) as runner:
        return runner.run(serving)
