"""Identities that nobody wrote down: every permission set in every account that a portal offers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from eksauth.aws.parallel import Parallel
from eksauth.credentials.config.model import Identity, Principal, Provider
from eksauth.credentials.identities.contract import Context, NeedsHuman, SsoAccess
from eksauth.credentials.sso.calls import Account, PortalCalls
from eksauth.credentials.sso.clients import CONNECTIONS
from eksauth.errors import EksauthError

Progress = Callable[[int, int], None]
"""Called with the number of accounts that are done, and of all."""


def provision(
    provider: Provider,
    access: SsoAccess,
    context: Context,
    progress: Progress | None = None,
    *,
    warn: Callable[[str], None] | None = None,
) -> list[Identity]:
    """Return an identity ``<account name>/<permission set>`` for everything that the portal offers, sorted by name.

    Accounts that share a name are told apart by their ids: ``<name>-<id>/<permission set>``.

    :param warn: told about each account that could not be asked; the person is, when this is None.
    :raises EksauthError: when the accounts cannot be listed, or none of them can be asked.
    """
    tell = warn or (context.human.tell if context.human is not None else _nobody)
    with PortalCalls(provider, access, context) as calls:
        accounts = sorted(calls.accounts(), key=lambda account: (account.name.casefold(), account.id))
        access = calls.access
    # nobody can be asked from several threads at once
    with PortalCalls(provider, access, replace(context, human=None)) as calls:
        roles = _roles(calls, accounts, progress, tell)
    shared = Counter(_tidy(account.name).casefold() for account in accounts)
    return [
        _identity(provider, account, role, alone=shared[_tidy(account.name).casefold()] == 1)
        for account in accounts
        for role in sorted(roles.get(account.id, ()))
    ]


def _roles(
    calls: PortalCalls, accounts: Sequence[Account], progress: Progress | None, tell: Callable[[str], None]
) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    failed: list[EksauthError] = []
    names = {account.id: account.name or account.id for account in accounts}
    if progress is not None:
        progress(0, len(names))
    with Parallel[list[str]](CONNECTIONS) as work:
        for account in names:
            work.add(account, lambda account=account: calls.roles(account))  # type: ignore[misc]
        for done in work.results():
            if isinstance(done.error, EksauthError) and not isinstance(done.error, NeedsHuman):
                failed.append(done.error)
                tell(f"account {names[done.lane]} ({done.lane}) is left out: {done.error.message}")
            elif done.error is not None:
                raise done.error
            else:
                found[done.lane] = done.value or []
            if progress is not None:
                progress(len(found) + len(failed), len(names))
    if failed and not found:
        raise failed[0]
    return found


def _identity(provider: Provider, account: Account, role: str, *, alone: bool) -> Identity:
    name = _tidy(account.name)
    if not name:
        name = account.id
    elif not alone:
        name = f"{name}-{account.id}"
    return Identity(
        name=f"{name}/{role}",
        kind="aws/permission-set",
        declared_kind="aws/permission-set",
        place=provider.place,
        via_provider=provider.name,
        principal=Principal(name=role, account_id=account.id),
        provisioned=True,
    )


def _tidy(name: str) -> str:
    """Return an account's name without what cannot be typed or shown; it comes from whoever runs the organisation."""
    return "".join([letter if letter.isprintable() else "-" for letter in " ".join(name.split())])


def _nobody(_text: str) -> None:
    """Say it to nobody."""
