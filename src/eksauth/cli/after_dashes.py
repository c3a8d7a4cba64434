"""Commands that run another command: what stands behind ``--`` is not ours to read."""

from __future__ import annotations

import click

_KEY = "eksauth.command"


class RunsCommand(click.Command):
    """A command whose arguments end at the first ``--``; :func:`behind_dashes` gives the rest."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse what stands before ``--``; without one, options end at the first argument."""
        ctx.allow_interspersed_args = "--" in args
        if "--" in args:
            at = args.index("--")
            ctx.meta[_KEY] = tuple(args[at + 1 :])
            args = args[:at]
        return super().parse_args(ctx, args)


def behind_dashes() -> tuple[str, ...] | None:
    """Return what stands behind ``--``, or None when there is no ``--``."""
    found: tuple[str, ...] | None = click.get_current_context().meta.get(_KEY)
    return found
