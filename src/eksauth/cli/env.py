"""``eksauth env``: an identity for this very shell, or for the next steps of a pipeline."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from eksauth.cli.as_identity import being_of, chosen_identity, identity_options
from eksauth.cli.output import complain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eksauth.login.programs.shell_syntax import Syntax

_EPILOG = """\b
Examples:
  eval "$(eksauth env -i prod-readonly)"               bash, zsh
  eksauth env -i prod-readonly | source                fish
  eksauth env -i prod-readonly -o powershell | Out-String | Invoke-Expression
  eksauth env -i ci-deploy -o github                   the next steps of a GitHub Actions job
  eval "$(eksauth env --unset)"                        back to what was before"""
_SYNTAXES = ["bash", "zsh", "fish", "powershell", "json", "github", "dotenv"]


@click.command(epilog=_EPILOG)
@identity_options
@click.option("-o", "--output", type=click.Choice(_SYNTAXES), help="Syntax [default: that of SHELL, else bash].")
@click.option("--static", is_flag=True, help="Print keys; nothing renews them.")
@click.option("--unset", is_flag=True, help="Print what takes the identity out of the shell again.")
@click.option("--debug", is_flag=True, hidden=True)
def env(
    named: str | None,
    config_file: str | None,
    realm: str | None,
    output: Syntax | None,
    static: bool,
    unset: bool,
    debug: bool,  # noqa: ARG001  read by the frame
) -> None:
    """Print variables that make a shell, and whatever runs in it, an identity.

    They hold no keys: they point at an AWS configuration file that asks eksauth, so credentials are renewed as long as
    somebody is signed in. Other AWS credentials in the environment are taken away.
    """
    from eksauth.cli.human import terminal_human
    from eksauth.credentials.outer import KEYS, SECRET
    from eksauth.credentials.recording import record
    from eksauth.errors import UsageError
    from eksauth.login.programs.child import still_pointers
    from eksauth.login.programs.environment import starts_outside
    from eksauth.login.programs.unset import undone

    syntax = output or _own_syntax()
    if unset:
        if static:
            raise UsageError("--unset and --static exclude each other")
        back = undone(os.environ)
        _print(back.set, back.unset, syntax, ())
        return
    human, inside = terminal_human(), dict(os.environ)
    config, identity = chosen_identity(named, config_file, realm, human)
    what = being_of(config, identity, "static" if static else "process", human, inside)
    if not static and starts_outside(config, identity) and any(name in os.environ for name in SECRET):
        raise UsageError(
            f"identity '{identity.name}' starts from keys in the environment, which these variables would replace",
            hint=f"use: eksauth exec -i {identity.name} -- COMMAND, or --static",
            code="env.keys",
        )
    session = what.session()
    event = {"event": "credentials", "account": session.account, "program": "env"}
    warning = record(config, identity, os.environ, event, now=what.clock())
    found = still_pointers(what, session)
    for text in (*session.warnings, *([warning] if warning else []), *found.warnings):
        complain("warning", text)
    secrets: tuple[str, ...] = ()
    if static:
        ends = found.set.get("AWS_CREDENTIAL_EXPIRATION")
        complain("warning", f"these are keys, and nothing renews them; they end {f'at {ends}' if ends else 'never'}")
        secrets = tuple(found.set[name] for name in KEYS if name in found.set)
    _print(found.set, [name for name in found.unset if name in what.environ], syntax, secrets)


def _own_syntax() -> Syntax:
    shell = os.path.basename(os.environ.get("SHELL", ""))  # noqa: PTH119  a name
    if shell == "fish":
        return "fish"
    return "powershell" if shell in {"pwsh", "powershell"} else "bash"


def _print(values: Mapping[str, str], unset: Sequence[str], syntax: Syntax, secrets: Sequence[str]) -> None:
    """Print the text; for GitHub Actions append it to the file that the runner reads, and mask what is secret first."""
    from eksauth.login.programs.shell_syntax import as_text, mask

    text = as_text(values, unset, syntax)
    if syntax != "github":
        click.echo(text, nl=False)
        return
    from eksauth.login.programs.github_file import append_to_github_env

    for secret in secrets:
        click.echo(mask(secret), nl=False)
    append_to_github_env(os.environ, text)
