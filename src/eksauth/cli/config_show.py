"""``eksauth config show``."""

from __future__ import annotations

import os
from typing import Any

import click

from eksauth.cli.identity_options import config_options
from eksauth.cli.output import print_json

_EPILOG = """\b
Examples:
  eksauth config show
  eksauth config show --config atmos.yaml -o json"""


@click.command(epilog=_EPILOG)
@config_options
@click.option("-o", "--output", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True)
def show(config_file: str | None, realm: str | None, output: str) -> None:
    """Print the configuration that holds here: the file, the variables that win over it, and what they resolve to.

    Each item says the file, line and column that it comes from. Secrets are hidden.
    """
    from eksauth.credentials.config.describe import describe
    from eksauth.credentials.config.load import load

    loaded = load(os.environ, flag=config_file, realm=realm)
    found_by = "nothing"
    if loaded.found is not None:
        found_by = loaded.found.named_by or ("search" if loaded.found.searched else "user configuration")
    shown = describe(loaded.config, found_by=found_by, variables=loaded.variables)
    if output == "json":
        print_json(shown)
        return
    click.echo(_yaml(shown), nl=False)


def _yaml(shown: dict[str, Any]) -> str:
    """Return YAML; the dumper escapes what could drive a terminal, and account ids stay text for every reader."""
    import yaml

    class Dumper(yaml.SafeDumper):
        pass

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"' if value.isdigit() else None)

    Dumper.add_representer(str, text)
    return str(yaml.dump(shown, Dumper=Dumper, sort_keys=False, width=120, allow_unicode=True))
