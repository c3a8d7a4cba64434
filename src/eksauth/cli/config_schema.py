"""``eksauth config schema``."""

from __future__ import annotations

import click

from eksauth.cli.output import print_json

_EPILOG = """\b
Examples:
  eksauth config schema > eksauth.schema.json
  # then, as the first line of eksauth.yaml:
  # yaml-language-server: $schema=eksauth.schema.json"""


@click.command(epilog=_EPILOG)
def schema() -> None:
    """Print the JSON Schema (2020-12) of eksauth.yaml: editors then complete keys and mark mistakes.

    What ties items together (names, circles, defaults) only 'eksauth config validate' knows.
    """
    from eksauth.credentials.config.schema import json_schema

    print_json(json_schema())
