"""What a configuration may do that nobody named.

A file that was found by walking up from the working directory may belong to somebody else's repository. Until a person
signs in with it at a terminal, it runs nothing and sends nothing to hosts of its choice.
"""

from __future__ import annotations

from eksauth.credentials.identities.contract import Context, NeedsHuman
from eksauth.errors import ConfigError


def may_run(context: Context) -> bool:
    """Tell whether commands of the configuration may be run now."""
    return context.human is not None or not context.config.searched


def check_may_run(context: Context, what: str) -> None:
    """Refuse to run a command of a configuration that was only come across.

    :param what: whose command it is; completes "the command of …".
    :raises NeedsHuman: with what a person does about it.
    """
    if may_run(context):
        return
    raise NeedsHuman(
        f"the command of {what} is not run: {context.config.path} was found by searching, nobody named it",
        hint="if you trust the file name it with --config or EKSAUTH_CONFIG, or sign in with 'eksauth login'",
        code="config.searched_command",
    )


def trusted_endpoint(context: Context, url: str | None, what: str) -> str | None:
    """Return the ``endpoint_url`` of a provider or identity, or None when it has none.

    :raises ConfigError: when the configuration was only come across and nobody is there to vouch for it.
    """
    if url is None or may_run(context):
        return url
    raise ConfigError(
        f"the endpoint_url of {what} is not used: {context.config.path} was found by searching, nobody named it",
        hint="if you trust the file name it with --config or EKSAUTH_CONFIG",
        code="config.searched_endpoint",
    )
