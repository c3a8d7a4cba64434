"""``eksauth credential-process``: what AWS SDKs run to get an identity's credentials."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from eksauth.cli.as_identity import identity_in, identity_options
from eksauth.cli.identity_options import read_config
from eksauth.cli.output import complain
from eksauth.errors import ConfigError

if TYPE_CHECKING:
    from eksauth.credentials.config.model import AuthConfig

_ASKING = "EKSAUTH_ASKING"
_EPILOG = """\b
Example, in ~/.aws/config:
  [profile prod]
  credential_process = eksauth credential-process --identity prod-readonly --config /home/me/eksauth.yaml
\b
Exit codes: 0 ok, 2 usage, 3 configuration, 4 somebody has to sign in or a guard refuses, 5 AWS."""


@click.command("credential-process", epilog=_EPILOG)
@identity_options
@click.option("--found-by-search", is_flag=True, hidden=True, help="--config was come across, so it is not trusted.")
@click.option("--debug", is_flag=True, hidden=True)
def credential_process(
    named: str | None,
    config_file: str | None,
    realm: str | None,
    found_by_search: bool,
    debug: bool,  # noqa: ARG001  read by the frame
) -> None:
    """Print an identity's credentials as AWS SDKs expect them from a credential_process.

    Nobody is ever asked anything: programs run this with a terminal that is theirs. Cached credentials are used, and
    renewed when that needs no person.
    """
    from eksauth.cli.outside import step_outside
    from eksauth.credentials.recording import record
    from eksauth.login.programs.process_document import process_document
    from eksauth.login.programs.usable import usable_session
    from eksauth.token.stdout import write_stdout

    step_outside()
    config = _found(config_file, realm) if found_by_search and config_file else read_config(config_file, realm)
    identity = identity_in(config, named, None)
    _refuse_circles(f"{identity.name.lower()} of {config.path}")
    session = usable_session(config, identity, environ=os.environ)
    event = {
        "event": "credentials",
        "account": session.account,
        "until": session.credentials.expires_at,
        "program": "credential-process",
    }
    warning = record(config, identity, os.environ, event, now=time.time())
    for text in (*session.warnings, *([warning] if warning else [])):
        complain("warning", text)
    code = write_stdout(process_document(session))
    if code:
        raise click.exceptions.Exit(code)


def _refuse_circles(name: str) -> None:
    """Refuse to be asked, by way of a profile, for what we are asking for; without end, and one process each time.

    :raises ConfigError: when that happens.
    """
    asked = os.environ.get(_ASKING, "").splitlines()
    if name in asked:
        raise ConfigError(
            f"identity {name} needs itself: its credentials come from an AWS profile that asks eksauth for it",
            hint="let the identity's profile be one with a source of its own",
            code="credentials.circle",
        )
    os.environ[_ASKING] = "\n".join([*asked, name])  # for the processes that botocore starts


def _found(config_file: str, realm: str | None) -> AuthConfig:
    """Read a configuration as it was found: by searching from its own directory, which gives it no trust."""
    from eksauth.credentials.config.load import load_config

    environ = {name: value for name, value in os.environ.items() if name != "EKSAUTH_CONFIG"}
    config = load_config(environ, realm=realm, cwd=Path(config_file).parent)
    if config.path != config_file:
        raise ConfigError(f"{config_file} is not what a search in its directory finds", hint="run eksauth env again")
    return config
