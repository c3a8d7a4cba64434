"""Who one can be, with what is cached of it: files only, no network, no prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eksauth.credentials.config.model import AuthConfig, Identity
from eksauth.errors import EksauthError


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An identity and what is known of it now.

    :ivar chain: names from the root to the identity itself.
    :ivar account: from the cached session, else from the configuration.
    :ivar signed_in: credentials are there and valid.
    :ivar expires_at: when they end, in seconds since the epoch; None for never, or when there are none.
    :ivar problem: why it cannot be used here at all, or None.
    """

    identity: Identity
    chain: tuple[str, ...]
    account: str | None = None
    signed_in: bool = False
    expires_at: float | None = None
    problem: str | None = None


def list_identities(
    config: AuthConfig, environ: Mapping[str, str], now: float, *, tags: Sequence[str] = ()
) -> list[Listed]:
    """Return the identities in the order of the configuration, those found by signing in last.

    :param tags: only identities with any of these.
    """
    wanted = {tag.casefold() for tag in tags}
    chosen = [
        item for item in config.identities.values() if not wanted or wanted & {tag.casefold() for tag in item.tags}
    ]
    return [_listed(config, item, environ, now) for item in chosen]


def _listed(config: AuthConfig, identity: Identity, environ: Mapping[str, str], now: float) -> Listed:
    from eksauth.credentials.identities.authenticate import cached_session
    from eksauth.credentials.identities.chain import links_of

    try:
        chain = tuple(link.name for link in links_of(config, identity))
    except EksauthError as error:
        return Listed(identity=identity, chain=(identity.name,), problem=error.message)
    account = _configured_account(identity)
    try:
        session = cached_session(config, identity, environ=environ, now=now)
    except EksauthError as error:
        return Listed(identity=identity, chain=chain, account=account, problem=error.message)
    if session is None:
        return Listed(identity=identity, chain=chain, account=account)
    return Listed(
        identity=identity,
        chain=chain,
        account=session.account or account,
        signed_in=True,
        expires_at=session.credentials.expires_at,
    )


def _configured_account(identity: Identity) -> str | None:
    principal = identity.principal
    if principal.account_id is not None:
        return principal.account_id
    if principal.target_principal is not None:
        return principal.target_principal
    if principal.assume_role is not None:
        return principal.assume_role.split(":", 5)[4]
    return None
