"""A click group whose commands are imported when they run; names and one-line helps are a table."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class LazyGroup(click.Group):
    """A group with ``commands_table``: name -> (``module:attribute``, one-line help)."""

    def __init__(self, *args: object, commands_table: Mapping[str, tuple[str, str]], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.commands_table = commands_table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table, which is the order of the chain."""
        return [*self.commands_table, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        entry = self.commands_table.get(cmd_name)
        if entry is None:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = entry[0].partition(":")
        command = getattr(import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{entry[0]} is not a click command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the command list without importing any command."""
        rows = [(name, text) for name, (_, text) in self.commands_table.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete names and options without importing any command."""
        from click.shell_completion import CompletionItem

        names = [CompletionItem(name, help=text) for name, (_, text) in self.commands_table.items()]
        found = [item for item in names if item.value.startswith(incomplete)]
        return found + click.Command.shell_complete(self, ctx, incomplete)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Resolve a command name and suggest the nearest one for a typing error."""
        name = args[0] if args else ""
        if name and self.get_command(ctx, name) is None and not name.startswith("-"):
            from difflib import get_close_matches

            known = self.list_commands(ctx)
            # "auth login" and "sso login" are what other tools say
            near = args[1:2] if args[1:2] and args[1] in known else get_close_matches(name, known, 1)
            hint = f"did you mean '{near[0]}'" if near else f"see '{ctx.command_path} --help'"
            from eksauth.errors import UsageError

            raise UsageError(f"no such command '{name}'", hint=hint)
        return super().resolve_command(ctx, args)
