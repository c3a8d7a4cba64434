"""``eksauth server init``."""

from __future__ import annotations

import time
from pathlib import Path

import click

from eksauth.cli.go_flags import GoFlags
from eksauth.cli.output import complain, one_line, print_json
from eksauth.cli.server_options import common_options, missing, read_with_flags

_EPILOG = """\b
Example: eksauth server init --config server.yaml --hostname authenticator.kube-system.svc
\b
An API server that starts before the authenticator needs the kubeconfig first:
  --authentication-token-webhook-config-file=KUBECONFIG
A certificate that is there already stays as it is."""


@click.command(cls=GoFlags, epilog=_EPILOG)
@common_options
@click.option("--feature-gates", hidden=True)
@click.option("--log-format", "-l", hidden=True)
@click.option("--log-verbosity", "-v", hidden=True)
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def init(
    config: Path | None,
    cluster_id: str | None,
    address: str | None,
    port: int | None,
    hostname: str | None,
    state_dir: Path | None,
    generate_kubeconfig: Path | None,
    kubeconfig_pregenerated: bool | None,
    feature_gates: str | None,  # noqa: ARG001  where aws-iam-authenticator takes it, and nothing is logged here
    log_format: str | None,  # noqa: ARG001
    log_verbosity: str | None,  # noqa: ARG001
    output: str,
) -> None:
    """Make the server's certificate and the webhook kubeconfig, and print where they are."""
    try:
        from eksauth.authenticator.server.init import initialise
    except ImportError as error:
        raise missing(error) from None
    settled = read_with_flags(
        config,
        {
            "cluster_id": cluster_id,
            "address": address,
            "port": port,
            "hostname": hostname,
            "state_dir": state_dir,
            "generate_kubeconfig": generate_kubeconfig,
            "kubeconfig_pregenerated": kubeconfig_pregenerated,
        },
    )
    made = initialise(settled, time.time())
    certificate = made.certificate
    if output == "json":
        print_json(
            {
                "certificate": str(certificate.certificate_path.absolute()),
                "key": str(certificate.key_path.absolute()),
                "made": certificate.made,
                "kubeconfig": str(made.kubeconfig.absolute()) if made.kubeconfig else None,
                "url": made.url,
            }
        )
        return
    click.echo(one_line(f"certificate: {certificate.certificate_path.absolute()}"))
    click.echo(one_line(f"key: {certificate.key_path.absolute()}"))
    if made.kubeconfig is not None:
        click.echo(one_line(f"webhook kubeconfig: {made.kubeconfig.absolute()}"))
    if not certificate.made:
        complain("init", "the certificate was there already")
