"""``eksauth server``: the authenticator, and what comes before it runs."""

from __future__ import annotations

import click

from eksauth.cli.lazy import LazyGroup

COMMANDS = {
    "run": ("eksauth.cli.server_run:run", "Answer TokenReviews over HTTPS until told to stop."),
    "init": ("eksauth.cli.server_init:init", "Make the certificate and the webhook kubeconfig."),
    "check-config": ("eksauth.cli.server_check:check_config", "Find what locks people out before a server reads it."),
}


class _ServerGroup(LazyGroup):
    """The group; options without a command are for ``run``, which ``aws-iam-authenticator server`` does."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments of the group or, where there are only options, of ``run``."""
        meant = args[:1] and args[0].startswith("-") and args[0] not in ctx.help_option_names
        return super().parse_args(ctx, ["run", *args] if meant else args)


@click.group(
    cls=_ServerGroup,
    commands_table=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: eksauth server run --config server.yaml",
)
def server() -> None:
    """Run the authenticator that a Kubernetes API server asks."""
