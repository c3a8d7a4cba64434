"""``eksauth config``: looking at the file with providers and identities."""

from __future__ import annotations

import click

from eksauth.cli.lazy import LazyGroup

COMMANDS = {
    "validate": ("eksauth.cli.config_validate:validate", "Find everything that is wrong with a configuration."),
    "show": ("eksauth.cli.config_show:show", "Print the configuration that holds, and where it comes from."),
    "schema": ("eksauth.cli.config_schema:schema", "Print the JSON Schema of eksauth.yaml, for editors."),
}


@click.group(
    cls=LazyGroup,
    commands_table=COMMANDS,
    epilog="""\b
Examples:
  eksauth config validate
  eksauth config show -o json
  eksauth config schema > eksauth.schema.json""",
)
def config() -> None:
    """Check, show and describe the file that says what you sign in to and who you can be."""
