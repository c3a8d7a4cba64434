"""``eksauth identities``."""

from __future__ import annotations

import os
import time

import click

from eksauth.cli.columns import columns
from eksauth.cli.identity_options import config_options, read_config
from eksauth.cli.output import complain, print_json

_EPILOG = """\b
Examples:
  eksauth identities
  eksauth identities --tags prod,eu -o tree
  eksauth identities --providers
  eksauth identities -o mermaid > identities.mmd"""


@click.command(epilog=_EPILOG)
@config_options
@click.option("--tags", metavar="A,B", help="Only those with any of these tags.")
@click.option("--providers", is_flag=True, help="List what you sign in to instead.")
@click.option(
    "-o", "--output", type=click.Choice(["table", "tree", "json", "mermaid"]), default="table", show_default=True
)
def identities(config_file: str | None, realm: str | None, tags: str | None, providers: bool, output: str) -> None:
    """List who you can be, how you get there, and how long the credentials that are here still last.

    Nothing is asked of AWS: what is shown is what is on this machine.
    """
    from eksauth.cli import identities_output as show
    from eksauth.credentials.identities.listing import list_identities

    config = read_config(config_file, realm)
    wanted = [tag.strip() for tag in (tags or "").split(",") if tag.strip()]
    now = time.time()
    listed = [] if providers and output == "table" else list_identities(config, os.environ, now, tags=wanted)
    signing_in = show.providers_with(config, wanted)
    if output == "json":
        print_json(show.as_json(config, signing_in, listed, only_providers=providers))
    elif output == "mermaid":
        click.echo(show.mermaid(config, [] if providers else listed, signing_in if providers else ()), nl=False)
    elif output == "tree":
        click.echo(show.tree(config, [] if providers else listed, signing_in if providers else (), now), nl=False)
    elif providers:
        click.echo(columns(show.PROVIDER_HEADINGS, show.provider_rows(config, signing_in)), nl=False)
    else:
        click.echo(columns(show.HEADINGS, show.rows(listed, now)), nl=False)
    if not config.identities and not config.providers:
        where = config.path or "no configuration was found"
        complain("identities", f"none: {where}")
