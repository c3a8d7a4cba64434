"""``eksauth whoami``."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from eksauth.cli.identity_options import config_options, read_config
from eksauth.cli.login_report import role_name
from eksauth.cli.output import complain, one_line, print_json
from eksauth.cli.times import iso, until

if TYPE_CHECKING:
    from eksauth.credentials.config.model import AuthConfig
    from eksauth.kube.whoami import UserInfo
    from eksauth.login.who import Who

_EPILOG = """\b
Examples:
  eksauth whoami
  eksauth whoami -i dev-admin -o json
  eksauth whoami -i dev-admin --cluster demo --region eu-west-1
  eksauth whoami --context demo
\b
Exit codes: 0 there is an answer, 4 nobody is signed in, 5 AWS refused, 6 the cluster refused."""


@click.command(epilog=_EPILOG)
@click.argument("identity", required=False)
@click.option("-i", "--identity", "named", metavar="NAME", help="The identity, by its flag as everywhere else.")
@click.option("--profile", metavar="NAME", help="An AWS profile instead of an identity.")
@click.option("--cluster", metavar="NAME", help="Name or ARN of a cluster: whom does it take this caller for?")
@click.option("--region", metavar="REGION", help="Region of that cluster.")
@click.option("--context", metavar="NAME", help="A context of the kubeconfig: whom does its cluster take its user for?")
@click.option("--kubeconfig", metavar="FILE", help="Where the context is [default: $KUBECONFIG, else ~/.kube/config].")
@config_options
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--debug", is_flag=True, hidden=True)
def whoami(
    identity: str | None,
    named: str | None,
    profile: str | None,
    cluster: str | None,
    region: str | None,
    context: str | None,
    kubeconfig: str | None,
    config_file: str | None,
    realm: str | None,
    output: str,
    debug: bool,  # noqa: ARG001  read by the frame
) -> None:
    """Say who one is for AWS, and with --cluster or --context for Kubernetes. Never prompts or opens a browser.

    Which identity, or none but whoever the AWS chain finds, is decided as for 'token': AWS_PROFILE or keys in the
    environment come before a default identity.
    """
    from eksauth.errors import UsageError

    if context is not None and (cluster or identity or named or profile):
        raise UsageError(
            "--context goes with neither --cluster nor an identity", hint="the context says who its user is"
        )
    if context is not None:
        from eksauth.login.who import in_context

        _print(None, in_context(context, environ=os.environ, cwd=Path.cwd(), kubeconfig=kubeconfig), output)
        return
    config, person = _person(identity or named, profile, config_file, realm)
    user = None
    if cluster is not None:
        from eksauth.login.who import in_cluster

        user = in_cluster(config, person, cluster, region, environ=os.environ)
    _print(person, user, output)


def _person(
    identity: str | None, profile: str | None, config_file: str | None, realm: str | None
) -> tuple[AuthConfig, Who]:
    from eksauth.credentials.config.model import AuthConfig
    from eksauth.credentials.config.select import select_identity
    from eksauth.errors import UsageError
    from eksauth.login.who import who
    from eksauth.token.selection import identity_wanted

    if profile is not None:
        if identity is not None:
            raise UsageError("an identity and --profile exclude each other", hint="leave one of them out")
        return AuthConfig(), who(AuthConfig(), None, environ=os.environ, profile=profile)
    wanted = identity_wanted(os.environ, identity=identity, config=config_file, profile=None, role=None, implicit=True)
    if wanted is None:
        return AuthConfig(), who(AuthConfig(), None, environ=os.environ)
    config = read_config(config_file, realm)
    chosen = select_identity(config, os.environ, flag=wanted or None, human=None)
    return config, who(config, chosen, environ=os.environ)


def _print(person: Who | None, user: UserInfo | None, output: str) -> None:
    for warning in person.warnings if person is not None else ():
        complain("warning", warning)
    if output == "json":
        aws = _aws(person) if person is not None else {}
        print_json({**aws, **({"kubernetes": _kubernetes(user)} if user is not None else {})})
        return
    for label, value in [*_lines(person), *_user_lines(user)]:
        click.echo(f"{label:<11} {one_line(value)}")


def _aws(person: Who) -> dict[str, object]:
    return {
        "identity": person.identity.name if person.identity is not None else None,
        "chain": list(person.chain),
        "arn": person.caller.arn,
        "account": person.caller.account,
        "accountAlias": person.alias,
        "role": role_name(person.caller.arn),
        "region": person.region,
        "expiration": iso(person.credentials.expires_at),
        "source": person.source,
    }


def _kubernetes(user: UserInfo) -> dict[str, object]:
    return {
        "username": user.username,
        "uid": user.uid,
        "groups": list(user.groups),
        "extra": {key: list(values) for key, values in user.extra.items()},
    }


def _lines(person: Who | None) -> list[tuple[str, str]]:
    if person is None:
        return []
    account = f"{person.caller.account} ({person.alias})" if person.alias else person.caller.account
    named = [("identity", person.identity.name), ("chain", " -> ".join(person.chain))] if person.identity else []
    return [
        *named,
        ("arn", person.caller.arn),
        ("account", account),
        ("until", until(person.credentials.expires_at, time.time())),
        ("source", person.source),
    ]


def _user_lines(user: UserInfo | None) -> list[tuple[str, str]]:
    if user is None:
        return []
    extra = [("extra", f"{key}={','.join(values)}") for key, values in sorted(user.extra.items())]
    return [("user", user.username), *[("group", group) for group in user.groups], *extra]
