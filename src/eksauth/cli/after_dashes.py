"""Commands that run another command: what stands behind ``--`` is not ours to read."""

from __future__ import annotations

import click

_KEY = "eksauth.command"


class RunsCommand(click.Command):
    """A command whose arguments end at the first ``--``; :func:`behind_dashes` gives the rest.

    Without ``--``, or where a ``--`` belongs to a command that begins before it, options end at the first argument.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse what stands before ``--``."""
        at = args.index("--") if "--" in args else -1
        arguments = [param for param in self.params if isinstance(param, click.Argument)]
        several = arguments[0].nargs == -1
        ctx.allow_interspersed_args = at >= 0 and (several or self._arguments(args[:at]) <= 1)
        if ctx.allow_interspersed_args:
            ctx.meta[_KEY] = tuple(args[at + 1 :])
            args = args[:at]
        return super().parse_args(ctx, args)

    def _arguments(self, args: list[str]) -> int:
        """Count the words that are neither options nor their values."""
        valued = {
            name
            for param in self.params
            if isinstance(param, click.Option) and not param.is_flag and not param.count
            for name in param.opts
        }
        count, skip = 0, False
        for word in args:
            if skip:
                skip = False
            elif word in valued:
                skip = True
            elif word[:1] != "-" or word == "-":
                count += 1
        return count


def behind_dashes() -> tuple[str, ...] | None:
    """Return what stands behind ``--``, or None when there is no ``--``."""
    found: tuple[str, ...] | None = click.get_current_context().meta.get(_KEY)
    return found
