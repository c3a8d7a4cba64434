"""``eksauth logout``."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import click

from eksauth.cli.identity_options import config_options, read_config
from eksauth.cli.output import complain, one_line, print_json

if TYPE_CHECKING:
    from eksauth.credentials.config.model import AuthConfig
    from eksauth.credentials.identities.contract import Human
    from eksauth.login.leaving import Leaving

_EPILOG = """\b
Examples:
  eksauth logout dev-admin
  eksauth logout --provider corp-sso
  eksauth logout --all --dry-run
\b
Exit codes: 0 signed out (also when nobody was signed in), 1 something is still there and is listed,
5 AWS could not be told to end a session."""


@click.command(epilog=_EPILOG)
@click.argument("identity", required=False)
@click.option("-i", "--identity", "named", metavar="NAME", help="The identity, by its flag as everywhere else.")
@click.option("--provider", metavar="NAME", help="End the session at this provider, for all its identities.")
@click.option("--all", "everybody", is_flag=True, help="Every identity and provider of the configuration.")
@config_options
@click.option("--keep-keys", is_flag=True, help="Leave long-lived keys of aws/user identities in the keyring.")
@click.option("-y", "--yes", is_flag=True, help="Remove protected contexts, too.")
@click.option("--dry-run", is_flag=True, help="Remove nothing; show what would go.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--debug", is_flag=True, hidden=True)
def logout(
    identity: str | None,
    named: str | None,
    provider: str | None,
    everybody: bool,
    config_file: str | None,
    realm: str | None,
    keep_keys: bool,
    yes: bool,
    dry_run: bool,
    output: str,
    debug: bool,  # noqa: ARG001  read by the frame
) -> int:
    """End sessions and remove what they left: credentials, tokens, keys in the keyring, kubeconfig entries.

    Only entries that eksauth wrote for this configuration are removed; 'eksauth kubeconfig undo' brings them back. AWS
    ends sessions of IAM Identity Center; credentials that programs already hold are good until they expire.
    """
    from eksauth.cli.human import terminal_human
    from eksauth.errors import UsageError
    from eksauth.login.leaving import with_dry_run
    from eksauth.login.sign_out import sign_out

    given = [each for each in (identity or named, provider, everybody or None) if each is not None]
    if len(given) > 1:
        raise UsageError("an identity, --provider and --all exclude each other", hint="give one of them")
    config, human = read_config(config_file, realm), terminal_human()
    leaving = _leaving(config, identity or named, provider, human, everybody=everybody)
    leaving = with_dry_run(leaving, dry_run=dry_run, yes=yes, keep_keys=keep_keys)
    result = sign_out(config, leaving, environ=os.environ, human=human)
    for warning in result.warnings:
        complain("warning", warning)
    for failure in result.failed:
        complain("failed", failure)
    if output == "json":
        print_json(
            {
                "dryRun": dry_run,
                "done": result.done,
                "failed": result.failed,
                "left": result.left,
                "warnings": result.warnings,
            }
        )
    else:
        for line in result.done:
            click.echo(one_line(line))
        if not result.done:
            click.echo("there was nothing to remove")
        for line in result.left:
            click.echo(f"left: {one_line(line)}")
    if not result.failed:
        return 0
    return 5 if result.unreachable else 1


def _leaving(
    config: AuthConfig, identity: str | None, provider: str | None, human: Human | None, *, everybody: bool
) -> Leaving:
    from eksauth.credentials.config.select import select_identity
    from eksauth.errors import ConfigError
    from eksauth.login.leaving import leaving_all, leaving_for, leaving_provider
    from eksauth.login.providers import find_provider

    if everybody:
        return leaving_all(config)
    if provider is not None:
        return leaving_provider(config, find_provider(config, provider))
    chosen = select_identity(config, os.environ, flag=identity, human=human)
    if chosen is None:
        raise ConfigError(
            "no identities are configured: there is nobody to sign out",
            hint="give --config FILE, or --provider NAME",
            code="config.no_identities",
        )
    return leaving_for(config, chosen, environ=os.environ, now=time.time())
