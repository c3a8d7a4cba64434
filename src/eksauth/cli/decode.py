"""``eksauth decode``: take a token apart."""

from __future__ import annotations

import time

import click

from eksauth.authenticator.decode import DecodedToken, RuleResult, decode_token
from eksauth.authenticator.rules.amz_time import spell_seconds
from eksauth.cli.output import one_line, print_json
from eksauth.cli.token_input import token_from

_EPILOG = """\b
Examples:
  eksauth token --cluster-name demo --region eu-west-1 | eksauth decode -
  eksauth decode - -o json < token.txt
\b
Exit codes: 0 a cluster would go on and ask STS, 1 a cluster would refuse the token."""

_MARKS = {"pass": "ok", "fail": "FAIL", "not_reached": "-"}


@click.command(epilog=_EPILOG)
@click.argument("token")
@click.option("--partition", metavar="NAME", help="Partition of the cluster; default: that of the token's own host.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="Default: text.")
def decode(token: str, partition: str | None, output: str) -> int:
    """Take a TOKEN apart, offline, and say what a cluster would refuse it for.

    Use '-' to read it from standard input: arguments show in process lists, and a token is a password for 15 minutes.
    Neither the signature nor the session token is ever shown.
    """
    decoded = decode_token(token_from(token), partition=partition or None)
    if output == "json":
        print_json(decoded.as_dict())
    else:
        click.echo("\n".join(_lines(decoded)))
    return 0 if decoded.acceptable else 1


def _lines(decoded: DecodedToken) -> list[str]:
    rows = [(label, value) for label, value in _facts(decoded) if value]
    width = max(len(label) for label, _ in rows)
    lines = [f"{label:<{width}}  {one_line(value)}" for label, value in rows]
    lines += ["", "rules"]
    width = max(len(result.title) for result in decoded.rules)
    lines += [_rule_line(result, width) for result in decoded.rules]
    lines += [f"\nnote: {one_line(note)}" for note in decoded.notes]
    refusal = decoded.refusal
    if refusal is None:
        return [*lines, "", "verdict: a cluster would ask STS who signed it"]
    lines += ["", f"verdict: a cluster would refuse it: {one_line(refusal.message or '')} [{refusal.code}]"]
    if refusal.hint:
        lines.append(f"hint: {one_line(refusal.hint)}")
    if refusal.stricter:
        lines.append("note: released versions of aws-iam-authenticator do not check this before they ask STS")
    return lines


def _rule_line(result: RuleResult, width: int) -> str:
    text = f"  {_MARKS[result.outcome]:<4}  {result.title}"
    if result.outcome != "fail":
        return text
    return f"  {_MARKS['fail']:<4}  {result.title:<{width}}  {one_line(result.message or '')} [{result.code}]"


def _facts(decoded: DecodedToken) -> list[tuple[str, str | None]]:
    kind = " ".join(word for word, on in (("FIPS", decoded.fips), ("dual-stack", decoded.dual_stack)) if on)
    key_id, account = decoded.unverified_access_key_id, decoded.unverified_account
    session = {None: None, True: "present", False: "none"}[decoded.has_session_token]
    return [
        ("size", f"{decoded.size_bytes} bytes"),
        ("found in", decoded.wrapping),
        ("STS host", decoded.host and decoded.host + (f" ({kind})" if kind else "")),
        ("partition", decoded.partition),
        ("region", decoded.region),
        ("access key id", key_id and f"{key_id} ({decoded.access_key_kind})"),
        ("account", account and f"{account} (encoded in the key id, not verified)"),
        ("session token", session),
        ("signed headers", "; ".join(decoded.signed_headers or ())),
        ("signed at", _when(decoded.signed_at, decoded.age_seconds)),
        ("expires at", _when(decoded.expires_at, _past(decoded))),
    ]


def _past(decoded: DecodedToken) -> float | None:
    if decoded.expires_at is None or decoded.signed_at is None or decoded.age_seconds is None:
        return None
    return decoded.age_seconds - (decoded.expires_at - decoded.signed_at)


def _when(at: int | None, ago: float | None) -> str | None:
    if at is None or ago is None:
        return None
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    return f"{stamp} ({spell_seconds(ago)} ago)" if ago >= 0 else f"{stamp} (in {spell_seconds(-ago)})"
