"""What is still there after signing out: looked for once more, and said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from eksauth.credentials.config.model import AuthConfig, Identity, Provider
from eksauth.credentials.identities.chain import links_of
from eksauth.errors import EksauthError
from eksauth.login.kubeconfigs.own_entries import Mine, left_in, places
from eksauth.login.leaving import Leaving, SignedOut, cached_or_none, still_used
from eksauth.login.provider_sign_out import sign_out_of
from eksauth.token.bearer import utc_text

_LIVE_BY_THEMSELVES = frozenset(("aws/ambient", "aws/profile"))
"""Kinds whose credentials lie in files and variables that are not ours."""

_SHOWN = 8


def verify(
    config: AuthConfig, leaving: Leaving, mine: Mine, environ: Mapping[str, str], now: float, result: SignedOut
) -> None:
    """Look for what should be gone; whatever is still there counts as failed."""
    for identity in leaving.identities:
        found = cached_or_none(config, identity, environ, now)
        if found is not None and identity.kind not in _LIVE_BY_THEMSELVES:
            result.failed.append(f"credentials of {identity.name} are still there")
    for files in places(config, environ):
        try:
            left = left_in(files, mine)
        except EksauthError as error:
            result.failed.append(f"kubeconfig entries cannot be looked for: {error.message}")
            continue
        told = " ".join(result.left)
        result.failed += [f"{what} is still there" for what in left if what not in told]


def ends_of(
    config: AuthConfig, identities: Iterable[Identity], environ: Mapping[str, str], now: float
) -> dict[str, float]:
    """Return until when the cached credentials of each identity are good, in epoch seconds."""
    found = {}
    for each in identities:
        session = cached_or_none(config, each, environ, now)
        if session is not None and session.credentials.expires_at is not None:
            found[each.name] = session.credentials.expires_at
    return found


def say_what_lives_on(
    config: AuthConfig,
    leaving: Leaving,
    ends: Mapping[str, float],
    environ: Mapping[str, str],
    now: float,
    result: SignedOut,
) -> None:
    """Add what stays usable: credentials that were handed out, sessions of others, chains that need no sign-in."""
    ended = {provider.name for provider in leaving.providers}
    again: dict[str, list[str]] = {}
    for name, at in ends.items():
        until = utc_text(int(at))
        result.left.append(f"credentials of {name} that programs hold already: AWS takes them until {until}")
    for identity in leaving.identities:
        try:
            root = links_of(config, identity)[0]
        except EksauthError:
            continue
        if isinstance(root, Provider):
            if root.name not in ended and sign_out_of(root) is not None:
                others = still_used(config, root, environ, now, besides=identity)
                because = f", which {', '.join(others[:3])} uses" if others else ""
                result.left.append(
                    f"session of '{root.name}'{because}: it still gives credentials of {identity.name}; "
                    f"end it with: eksauth logout --provider {root.name}"
                )
            continue
        if root.kind != "aws/user" or root.credentials.access_key_id or leaving.keep_keys:
            again.setdefault(f"'{root.name}' ({root.declared_kind})", []).append(identity.name)
    for root_name, names in again.items():
        shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
        result.left.append(f"{root_name} needs no sign-in: {shown} can be had again by whoever runs eksauth here")
    result.left = list(dict.fromkeys(result.left))
