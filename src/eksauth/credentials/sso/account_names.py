"""Which account a name means; asked once a day, for it is needed for every renewal."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches

from eksauth.credentials.cache import read_private
from eksauth.credentials.cache_store import remove, store_private
from eksauth.credentials.sso.calls import Account
from eksauth.credentials.sso.portal import Portal
from eksauth.errors import ConfigError

REMEMBERED_SECONDS = 86400
_LISTED = 8


def account_named(name: str, accounts: Sequence[Account], identity: str) -> Account:
    """Return the account called ``name``; its exact spelling comes first, then any spelling of case.

    :raises ConfigError: when none or several are called so.
    """
    exact = [account for account in accounts if account.name == name]
    found = exact or [account for account in accounts if account.name.casefold() == name.casefold()]
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigError(
            f"identity '{identity}': {len(found)} accounts are called '{name}'",
            hint=f"write the id instead of the name: {', '.join(sorted(account.id for account in found)[:_LISTED])}",
            code="sso.account_ambiguous",
        )
    raise ConfigError(
        f"identity '{identity}': no account of yours is called '{name}'",
        hint=_near(name, [account.name for account in accounts]),
        code="sso.account_unknown",
    )


def read_account(environ: Mapping[str, str], portal: Portal, name: str, now: float) -> str | None:
    """Return the id that was remembered for a name, while it is fresh."""
    content = read_private(environ, _file(portal, name))
    try:
        found = json.loads(content or b"null")
        at, account = float(found["at"]), str(found["account"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    known = len(account) == 12 and account.isascii() and account.isdecimal()
    return account if known and found.get("name") == name and 0 <= now - at < REMEMBERED_SECONDS else None


def remember_account(environ: Mapping[str, str], portal: Portal, name: str, account: str, now: float) -> None:
    """Remember the id of a name; without a cache it is asked again."""
    document = {"name": name, "account": account, "at": now}
    store_private(environ, _file(portal, name), json.dumps(document).encode())


def forget_account(environ: Mapping[str, str], portal: Portal, name: str) -> None:
    """Forget the id of a name."""
    with suppress(OSError):
        remove(environ, _file(portal, name))


def _near(name: str, names: Iterable[str]) -> str:
    listed = sorted({each for each in names if each})
    if not listed:
        return "you have no account at this portal; ask who runs it"
    folded = {each.casefold(): each for each in reversed(listed)}
    near = [folded[each] for each in get_close_matches(name.casefold(), list(folded), 3)]
    if near:
        return f"did you mean {' or '.join(near)}"
    return f"these are yours: {', '.join(listed[:_LISTED])}{', …' if len(listed) > _LISTED else ''}"


def _file(portal: Portal, name: str) -> str:
    digest = hashlib.sha256(f"{portal.token_key} {portal.region} {name}".encode()).hexdigest()[:40]
    return f"sso-account-{digest}.name"
