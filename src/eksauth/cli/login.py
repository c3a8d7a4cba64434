"""``eksauth login``."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import click

from eksauth.cli.identity_options import config_options, read_config
from eksauth.cli.output import complain, print_json

if TYPE_CHECKING:
    from eksauth.credentials.config.model import AuthConfig
    from eksauth.credentials.identities.contract import Human
    from eksauth.login.run import LoggedIn, LoginRequest

_EPILOG = """\b
Examples:
  eksauth login dev-admin
  eksauth login prod-admin --reason 'INC-1234: look at failing pods'
  eksauth login --all --tags team-a
  eksauth login --provider corp-sso --device
  pass show aws/ci | eksauth login ci-user --store-keys
\b
Exit codes: 0 signed in and every kubeconfig entry is in place; otherwise the code of what failed first: 3 a kubeconfig
or the configuration is unusable, 4 no credentials, 5 AWS refused. A sign-in holds even when a cluster fails."""


@click.command(epilog=_EPILOG)
@click.argument("identity", required=False)
@click.option("-i", "--identity", "named", metavar="NAME", help="The identity, by its flag as everywhere else.")
@click.option("--all", "everybody", is_flag=True, help="Every identity; with --tags those that have one of them.")
@click.option("--provider", metavar="NAME", help="Sign in at this provider only; with --all: its identities.")
@click.option("--tags", metavar="T,T…", multiple=True, help="Identities with one of these tags.")
@config_options
@click.option("--no-browser", is_flag=True, help="Open no browser: show the address.")
@click.option("--device", is_flag=True, help="Sign in with a code on any device, not in a browser of this machine.")
@click.option("--reason", metavar="TEXT", help="Why; guards may ask for it, and the audit log keeps it.")
@click.option("-y", "--yes", is_flag=True, help="Agree to what guards ask to confirm.")
@click.option("--fresh", is_flag=True, help="Sign in anew although there is a session.")
@click.option("--no-kubeconfig", is_flag=True, help="Write no kubeconfig entries.")
@click.option("--store-keys", is_flag=True, help="Keep keys of an aws/user in the keyring first: typed, or piped in.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--debug", is_flag=True, hidden=True)
def login(
    identity: str | None,
    named: str | None,
    everybody: bool,
    provider: str | None,
    tags: tuple[str, ...],
    config_file: str | None,
    realm: str | None,
    no_browser: bool,
    device: bool,
    reason: str | None,
    yes: bool,
    fresh: bool,
    no_kubeconfig: bool,
    store_keys: bool,
    output: str,
    debug: bool,  # noqa: ARG001  read by the frame
) -> int:
    """Become an identity, and let the kubeconfig entries of its clusters follow.

    Without IDENTITY it is the one that EKSAUTH_IDENTITY names, the default, or the only one. What is cached or can be
    renewed is used; a browser opens, and questions are asked, only at a terminal and only when needed.
    """
    from eksauth.cli.human import terminal_human
    from eksauth.cli.login_report import as_dict, exit_code, report_to_people, result_lines
    from eksauth.errors import UsageError
    from eksauth.kubeconfig.context_lines import visible
    from eksauth.login.providers import forced
    from eksauth.login.run import LoginRequest
    from eksauth.login.sign_in import Terms

    if identity is not None and named is not None and identity != named:
        raise UsageError("two identities are named", hint="name one")
    config = forced(read_config(config_file, realm), "device" if device else None)
    human = terminal_human(no_browser=no_browser)
    if config.searched:
        complain("note", f"the configuration is {config.path}, found by searching")
    request = LoginRequest(
        # a session of the keys that were there before would hide mistakes in the new ones
        terms=Terms(human=human, fresh=fresh or store_keys, reason=reason, confirmed=yes),
        identity=identity or named,
        everybody=everybody,
        provider=provider,
        tags=tuple(tag.strip() for text in tags for tag in text.split(",") if tag.strip()),
        command=None if no_kubeconfig or not config.integrations else _command(),
    )
    if store_keys:
        _store_keys(config, request, human)
    done = _run(config, request)
    now = time.time()
    report_to_people(done)
    if output == "json":
        print_json(as_dict(done))
    else:
        for line in result_lines(done, now):
            click.echo(visible(line))
    return exit_code(done)


def _command() -> str:
    from eksauth.cli.kubeconfig_update import find_command

    found = find_command(None)
    if found.warning:
        complain("warning", found.warning)
    return found.command


def _run(config: AuthConfig, request: LoginRequest) -> LoggedIn:
    from eksauth.cli.step_progress import StepProgress
    from eksauth.credentials.identities.contract import NeedsHuman
    from eksauth.login.run import SIGNING_IN
    from eksauth.login.run import login as run

    with StepProgress() as progress:

        def watching(what: str, done: int, known: int) -> None:
            # a bar that is being drawn would run into questions
            if what != SIGNING_IN or request.terms.human is None:
                progress.show(what, done, known)

        try:
            return run(config, request, environ=os.environ, watching=watching)
        except NeedsHuman as error:
            if request.terms.human is not None or not (error.hint or "").startswith("run: "):
                raise
            # without this the way out would be the very command that has just failed
            hint = f"nobody can be asked here; at a terminal, {error.hint}"
            raise NeedsHuman(error.message, hint=hint, code=error.code) from None


def _store_keys(config: AuthConfig, request: LoginRequest, human: Human | None) -> None:
    from eksauth.credentials.config.select import select_identity
    from eksauth.credentials.secrets.user_keys import ask_for_keys, parse_keys, store_user_keys
    from eksauth.errors import UsageError

    chosen = select_identity(config, os.environ, flag=request.identity, human=human)
    if chosen is None or request.everybody:
        raise UsageError("--store-keys is for one identity", hint="name it: eksauth login IDENTITY --store-keys")
    if human is not None:
        keys = ask_for_keys(human, chosen.name)
    else:
        if sys.stdin is None or sys.stdin.isatty():
            raise UsageError("there are no keys on standard input, and nobody to ask", hint="pipe them in")
        keys = parse_keys(sys.stdin.read(64 << 10))
    stored = store_user_keys(config, chosen, keys, os.environ, human=human)
    instead = f", in place of {stored.replaced}" if stored.replaced else ""
    complain("note", f"the keys of {stored.identity} ({stored.access_key_id}) are in {stored.place}{instead}")
