"""``eksauth server``: the authenticator as a process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from eksauth.errors import ConfigError

LEVELS = ("panic", "fatal", "error", "warning", "info", "debug", "trace")

RUN_EPILOG = """\b
Example: eksauth server run --config /etc/eksauth/server.yaml --cluster-id demo
API server: --authentication-token-webhook-config-file=KUBECONFIG (the generated one)
            --authentication-token-webhook-version=v1

Options given here beat the configuration file. SIGTERM drains and stops; a second one stops at once."""


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: eksauth server run --config server.yaml",
)
def server() -> None:
    """Run the authenticator that a Kubernetes API server asks."""


@server.command(epilog=RUN_EPILOG)
@click.option("--config", "-c", type=click.Path(path_type=Path), help="Configuration file (YAML).")
@click.option(
    "--cluster-id",
    "-i",
    envvar="KUBERNETES_AWS_AUTHENTICATOR_CLUSTER_ID",
    help="Cluster name or id that tokens must be signed for.",
)
@click.option("--partition", help="AWS partition of the cluster (default aws).")
@click.option("--address", help="Address to listen on (default 127.0.0.1).")
@click.option("--port", type=click.IntRange(0, 65535), help="Port (default 21362); 0 takes a free one.")
@click.option("--hostname", help="What API servers call this server (default localhost).")
@click.option(
    "--state-dir",
    type=click.Path(path_type=Path),
    help="Where the certificate is kept (default /var/aws-iam-authenticator).",
)
@click.option(
    "--generate-kubeconfig",
    type=click.Path(path_type=Path),
    help="Where the webhook kubeconfig is written (default /etc/kubernetes/aws-iam-authenticator/kubeconfig.yaml).",
)
@click.option("--kubeconfig-pregenerated", is_flag=True, help="Write no webhook kubeconfig.")
@click.option("--backend-mode", multiple=True, help="Where mappings come from; only MountedFile so far.")
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
    partition: str | None,
    address: str | None,
    port: int | None,
    hostname: str | None,
    state_dir: Path | None,
    generate_kubeconfig: Path | None,
    kubeconfig_pregenerated: bool,
    backend_mode: tuple[str, ...],
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
    from dataclasses import replace

    try:
        from eksauth.authenticator.config import ServerConfig, load_server_config
        from eksauth.authenticator.mapping.modes import backend_modes
        from eksauth.authenticator.server import decision_log
        from eksauth.authenticator.server import run as serve
    except ImportError as error:
        raise ConfigError(
            f"the server needs {error.name or 'packages'}, which is not installed", hint="pip install 'eksauth[server]'"
        ) from None
    given: dict[str, Any] = {
        "cluster_id": cluster_id,
        "partition": partition,
        "address": address,
        "port": port,
        "hostname": hostname,
        "state_dir": state_dir,
        "generate_kubeconfig": generate_kubeconfig,
        "kubeconfig_pregenerated": kubeconfig_pregenerated or None,
        "backend_modes": backend_modes(backend_mode) if backend_mode else None,
        "log_verbosity": log_verbosity,
    }
    flags = {key: value for key, value in given.items() if value is not None}

    def read() -> ServerConfig:
        settled = replace(load_server_config(config) if config is not None else ServerConfig(), **flags)
        serve.check(settled)
        return settled

    settled = read()
    decision_log.configure(log_format, settled.log_verbosity)
    settings = serve.settings_of(
        settled,
        cache_ttl=0 if no_cache else cache_ttl,
        negative_ttl=0 if no_cache else None,
        audiences=frozenset(audience) or None,
        explain_refusals=explain_refusals,
        ready_file=ready_file,
    )
    with asyncio.Runner(loop_factory=serve.loop_factory()) as runner:
        return runner.run(serve.serve(settled, settings, read=read if config is not None else None, path=config))
