"""``eksauth verify``: judge a token as a cluster would."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from eksauth.cli.output import complain, one_line, print_json
from eksauth.cli.token_input import token_from

if TYPE_CHECKING:  # the verifier loads when the command runs
    from eksauth.authenticator.decide import Decision
    from eksauth.authenticator.library import Judging
    from eksauth.authenticator.mapping.model import NotMapped

_EPILOG = """\b
Examples:
  eksauth token --cluster-name demo --region eu-west-1 | eksauth verify - --cluster-id demo
  eksauth verify - --config server.yaml < token.txt
\b
Exit codes: 0 the cluster lets it in, 1 it is refused, 3 unusable configuration, 5 STS gave no judgement."""


@click.command(epilog=_EPILOG)
@click.argument("token")
@click.option(
    "-i", "--cluster-id", metavar="NAME", help="What the token must be signed for; default: clusterID of --config."
)
@click.option(
    "-c", "--config", metavar="FILE", type=click.Path(path_type=Path), help="Server configuration or aws-auth manifest."
)
@click.option("--partition", metavar="NAME", help="Partition of the cluster; default: that of --config, else aws.")
@click.option("--sts-endpoint", metavar="HOST=URL", multiple=True, help="Reach an STS host elsewhere; repeatable.")
@click.option(
    "--sts-ca-file", metavar="FILE", type=click.Path(path_type=Path), help="Authorities for --sts-endpoint (PEM)."
)
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="Default: text.")
def verify(
    token: str,
    cluster_id: str | None,
    config: Path | None,
    partition: str | None,
    sts_endpoint: tuple[str, ...],
    sts_ca_file: Path | None,
    output: str,
) -> int:
    """Judge a TOKEN as a cluster would: every rule, then STS, then the mapping; print who it becomes, or why not.

    Use '-' to read it from standard input: arguments show in process lists, and a token is a password for 15 minutes.
    Without --config the identity is named and not mapped.
    """
    import asyncio

    from eksauth.authenticator.library import Judging
    from eksauth.authenticator.sts.endpoints import parse_override

    judging = Judging(
        cluster_id=cluster_id,
        config=config,
        partition=partition,
        sts_endpoint_overrides=dict(map(parse_override, sts_endpoint)),
        sts_ca_file=sts_ca_file,
    )
    for problem in judging.problems:
        complain("warning", str(problem))
    decision = asyncio.run(_judge(judging, token_from(token)))
    if output == "json":
        print_json(_as_dict(decision))
    else:
        _print(decision)
    if decision.allowed:
        return 0
    return 5 if decision.retryable else 1


async def _judge(judging: Judging, token: bytes) -> Decision:
    async with judging.sts_client() as sts:
        return await judging.judge(token, sts)


def _print(decision: Decision) -> None:
    from eksauth.authenticator.mapping.model import Match, NotMapped

    rows: list[tuple[str, str]] = [("result", "authenticated" if decision.allowed else f"refused [{decision.reason}]")]
    if decision.identity is not None:
        identity = decision.identity
        rows += [("arn", identity.arn), ("canonical arn", identity.canonical_arn), ("account", identity.account_id)]
        rows += [("user id", identity.user_id), ("session name", identity.session_name)]
        rows += [("access key id", identity.access_key_id), ("STS host", identity.sts_host)]
    if decision.user is not None:
        groups = ", ".join(decision.user.groups) or "none"
        rows += [("username", decision.user.username), ("groups", groups), ("uid", decision.user.uid)]
    if isinstance(decision.match, Match):
        rows.append(("decided by", decision.match.describe()))
    if decision.allowed and decision.user is None:
        rows.append(("mapping", "not looked at; give --config"))
    width = max(len(label) for label, _ in rows)
    for label, value in rows:
        if value:
            click.echo(f"{label:<{width}}  {one_line(value)}")
    if not decision.allowed:
        complain("error", decision.message)
        if decision.hint:
            complain("hint", decision.hint)
    if isinstance(decision.match, NotMapped):
        _print_not_mapped(decision.match)


def _print_not_mapped(answer: NotMapped) -> None:
    if answer.near_misses:
        click.echo("\nentries that nearly fit:")
        for miss in answer.near_misses:
            click.echo(f"  {one_line(f'{miss.source}: {miss.explanation} [{miss.why}]')}")
    click.echo(f"\nan entry that would fit:\n{answer.suggestion}", nl=False)


def _as_dict(decision: Decision) -> dict[str, object]:
    from dataclasses import fields

    from msgspec import to_builtins

    return {field.name: to_builtins(getattr(decision, field.name)) for field in fields(decision) if field.repr}
