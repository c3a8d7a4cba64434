"""What a login came to: lines for people, lines for the terminal, a document for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eksauth.cli.columns import columns
from eksauth.cli.output import complain
from eksauth.cli.times import iso, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eksauth.errors import EksauthError
    from eksauth.login.kubeconfigs.provision import ClusterEntry
    from eksauth.login.run import LoggedIn
    from eksauth.login.sign_in import SignedIn

_WORDS = {"added": "added", "updated": "updated", "unchanged": "up to date"}


def report_to_people(done: LoggedIn) -> None:
    """Say on stderr what failed and what else is worth knowing."""
    for outcome in done.outcomes:
        for warning in outcome.signed_in.warnings if outcome.signed_in else ():
            complain("warning", warning)
        if outcome.error is not None:
            complain("failed", f"{outcome.identity.name}: {outcome.error.message}")
    for discovered in done.discovered:
        for warning in discovered.warnings:
            complain("warning", warning)
    for warning in done.kubeconfig.warnings:
        complain("warning", warning)
    for entry in done.kubeconfig.entries:
        if entry.error is not None:
            complain("failed", f"cluster {entry.integration.cluster_name} ({entry.integration.name}): {entry.error}")
    for hint in dict.fromkeys(error.hint for error in done.failures() if error.hint):
        complain("hint", hint)
    for note in done.kubeconfig.notes:
        complain("note", note)


def result_lines(done: LoggedIn, now: float) -> Iterator[str]:
    """Yield who one is now, what a provider offers, and which kubeconfig entries there are."""
    people = [outcome.signed_in for outcome in done.outcomes if outcome.signed_in is not None]
    if len(done.outcomes) == 1:
        for person in people:
            yield from _person(person, now)
    elif people:
        yield from _table(people, now)
    for name in done.providers:
        yield f"signed in at {name}"
    for discovered in done.discovered:
        if discovered.identities:
            count = len(discovered.identities)
            yield f"{discovered.provider} has {count} identities; see: eksauth identities"
    for entry in done.kubeconfig.entries:
        if entry.error is None:
            yield f"context {entry.context or ''} in {entry.path}: {_WORDS[entry.action]}"
    for path, name in done.kubeconfig.switched.items():
        yield f"the current context in {path} is now {name}"


def _person(signed_in: SignedIn, now: float) -> Iterator[str]:
    yield f"signed in as {signed_in.identity.name}"
    yield f"  arn      {signed_in.caller.arn}"
    yield f"  account  {signed_in.caller.account}"
    yield f"  role     {role_name(signed_in.caller.arn) or '-'}"
    yield f"  chain    {' -> '.join(signed_in.chain)}"
    yield f"  until    {until(signed_in.expires_at, now)}"
    if signed_in.ends_at is not None and signed_in.ends_at != signed_in.expires_at:
        yield f"  renewed  until {until(signed_in.ends_at, now)}, then a guard asks again"


def _table(people: list[SignedIn], now: float) -> list[str]:
    rows = [
        (each.identity.name, each.caller.account, role_name(each.caller.arn) or "-", until(each.expires_at, now))
        for each in people
    ]
    return columns(("SIGNED IN AS", "ACCOUNT", "ROLE", "UNTIL"), rows).splitlines()


def role_name(arn: str) -> str | None:
    """Return the role in the ARN of a session, None for other callers."""
    kind, _, rest = arn.rpartition(":")[2].partition("/")
    return rest.partition("/")[0] if kind == "assumed-role" else None


def exit_code(done: LoggedIn) -> int:
    """Return 0 when everything worked, else the exit code of the first failure."""
    return next((error.exit_code for error in done.failures()), 0)


def as_dict(done: LoggedIn) -> dict[str, object]:
    """Return the result for machines; no secrets."""
    return {
        "identities": [
            _person_dict(outcome.signed_in)
            if outcome.signed_in is not None
            else {"identity": outcome.identity.name, "error": _error(outcome.error)}
            for outcome in done.outcomes
        ],
        "providers": list(done.providers),
        "discovered": [
            {
                "provider": each.provider,
                "identities": [identity.name for identity in each.identities],
                "warnings": list(each.warnings),
            }
            for each in done.discovered
        ],
        "kubeconfig": [_entry(entry) for entry in done.kubeconfig.entries],
        "currentContext": {str(path): name for path, name in done.kubeconfig.switched.items()},
        "warnings": list(done.kubeconfig.warnings),
        "notes": list(done.kubeconfig.notes),
    }


def _person_dict(signed_in: SignedIn) -> dict[str, object]:
    return {
        "identity": signed_in.identity.name,
        "arn": signed_in.caller.arn,
        "account": signed_in.caller.account,
        "role": role_name(signed_in.caller.arn),
        "chain": list(signed_in.chain),
        "region": signed_in.region,
        "expiration": iso(signed_in.expires_at),
        "sessionEnds": iso(signed_in.ends_at),
        "warnings": list(signed_in.warnings),
    }


def _entry(entry: ClusterEntry) -> dict[str, object]:
    return {
        "integration": entry.integration.name,
        "identity": entry.identity.name,
        "cluster": entry.integration.cluster_name,
        "region": entry.integration.region,
        "arn": entry.cluster.arn if entry.cluster is not None else None,
        "action": entry.action,
        "context": entry.context,
        "file": str(entry.path) if entry.path is not None else None,
        "error": _error(entry.error),
    }


def _error(error: EksauthError | None) -> dict[str, object] | None:
    if error is None:
        return None
    return {"message": error.message, "hint": error.hint, "code": error.code}
