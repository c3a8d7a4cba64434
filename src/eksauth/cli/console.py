"""``eksauth console``: the AWS console in a browser, as an identity."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from eksauth.cli.as_identity import chosen_identity, identity_options
from eksauth.cli.output import complain, print_json
from eksauth.errors import Refused, UsageError

if TYPE_CHECKING:
    from eksauth.login.programs.console import SignIn

_EPILOG = """\b
Examples:
  eksauth console -i prod-readonly
  eksauth console -i prod-readonly --destination eks --duration 8h
  eksauth console -i dev --print | xclip             the URL signs in whoever has it, for 15 minutes
\b
Exit codes: 0 ok, 2 usage, 3 configuration, 4 credentials or a guard, 5 AWS refused."""


@click.command(epilog=_EPILOG)
@identity_options
@click.option("--destination", metavar="PLACE", help="Short name (eks, ec2, s3, logs, …), or a URL of the console.")
@click.option("--duration", metavar="TIME", help="How long the browser stays signed in: 15m to 12h.")
@click.option("--issuer", metavar="TEXT", default="eksauth", show_default=True, help="Where to sign in again; a URL.")
@click.option("--print", "--no-open", "printed", is_flag=True, help="Print the URL and open no browser.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="With --print: how.")
@click.option("--debug", is_flag=True, hidden=True)
def console(
    named: str | None,
    config_file: str | None,
    realm: str | None,
    destination: str | None,
    duration: str | None,
    issuer: str,
    printed: bool,
    output: str,
    debug: bool,  # noqa: ARG001  read by the frame
) -> None:
    """Open the AWS console as an identity, in the partition that it belongs to.

    The URL holds a token that signs in whoever has it: it is printed only with --print, and not in any process list.
    """
    from eksauth.cli.human import terminal_human
    from eksauth.login.programs.console import ConsoleRequest, console_sign_in

    if output == "json" and not printed:
        raise UsageError("-o json prints the URL, so it needs --print")
    seconds = None if duration is None else _seconds(duration)
    human = terminal_human()
    config, identity = chosen_identity(named, config_file, realm, human)
    request = ConsoleRequest(destination=destination, seconds=seconds, issuer=issuer, human=human)
    found = console_sign_in(config, identity, request, environ=os.environ)
    for warning in found.warnings:
        complain("warning", warning)
    if not printed:
        _open(found, identity.name)
    elif output == "json":
        print_json({"url": found.url, "identity": identity.name, **_facts(found)})
    else:
        click.echo(found.url)


def _seconds(text: str) -> int:
    from eksauth.credentials.config.durations import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"--duration {error}", hint="for example 45m or 8h") from None


def _facts(found: SignIn) -> dict[str, object]:
    return {
        "destination": found.destination,
        "account": found.account,
        "duration_seconds": found.seconds,
        "ends_at": None if found.ends_at is None else int(found.ends_at),
    }


def _open(found: SignIn, name: str) -> None:
    """Open a browser, also where no person can be asked, as in a script on a desktop."""
    from eksauth.cli.human import TerminalHuman
    from eksauth.login.programs.one_visit import visit_once

    if visit_once(found.url, TerminalHuman(os.environ).browse):
        complain("note", f"the console is open as {name}: {found.destination}")
        return
    hint = "eksauth console --print prints it: it is a secret"
    raise Refused("no browser came for the address", hint=hint, code="console.browser")
