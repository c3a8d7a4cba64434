"""Being nobody again: what is cached goes, sessions are ended where AWS can end them, and what is left is said.

STS has no way to take back what it gave: credentials that a program holds already stay good until they expire. So
everything on this machine that could get new ones is removed, and then looked for once more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any

from eksauth.credentials import audit
from eksauth.credentials.config.model import AuthConfig, Identity, Provider
from eksauth.credentials.config.provisioned import remove_provisioned
from eksauth.credentials.grants import remove_grant
from eksauth.credentials.identities.authenticate import cached_session, forget
from eksauth.credentials.identities.chain import links_of
from eksauth.credentials.identities.contract import Human
from eksauth.credentials.identities.kinds import PROVIDERS
from eksauth.errors import EksauthError
from eksauth.files import why
from eksauth.login.own_entries import Cleared, Mine, clear, entries_of, left_in, places
from eksauth.login.providers import provider_is, provider_of

_ROUNDS = 3
"""An entry of ours in a second file comes to light when the first is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """Who is to be signed out.

    :ivar identities: whose credentials, secrets and entries go.
    :ivar providers: whose sessions are ended.
    :ivar everything: entries of identities that the configuration does not have any more go as well.
    :ivar keep_keys: long-lived keys stay in the keyring.
    :ivar yes: protected contexts go as well.
    """

    identities: tuple[Identity, ...] = ()
    providers: tuple[Provider, ...] = ()
    everything: bool = False
    keep_keys: bool = False
    dry_run: bool = False
    yes: bool = False


@dataclass(slots=True)
class SignedOut:
    """What was done.

    :ivar done: what went, one line each.
    :ivar failed: what should have gone and did not.
    :ivar left: what is still there, on purpose or because nobody can remove it.
    """

    done: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    unreachable: bool = False


def leaving_for(config: AuthConfig, identity: Identity, *, environ: Mapping[str, str], now: float) -> Leaving:
    """Return what signing out of one identity takes: its provider's session ends, too, unless another one needs it."""
    provider = provider_of(config, identity)
    if provider is None or still_used(config, provider, environ, now, besides=identity):
        return Leaving(identities=(identity,))
    return Leaving(identities=(identity,), providers=(provider,))


def leaving_provider(config: AuthConfig, provider: Provider) -> Leaving:
    """Return what ending the session at a provider takes: all its identities go with it."""
    through = tuple(each for each in config.identities.values() if provider_is(config, each, provider))
    return Leaving(identities=through, providers=(provider,))


def leaving_all(config: AuthConfig) -> Leaving:
    """Return what signing everybody out takes."""
    return Leaving(
        identities=tuple(config.identities.values()), providers=tuple(config.providers.values()), everything=True
    )


def still_used(
    config: AuthConfig, provider: Provider, environ: Mapping[str, str], now: float, *, besides: Identity | None = None
) -> list[str]:
    """Return the identities that are signed in through ``provider``."""
    found = []
    for each in config.identities.values():
        if besides is not None and each.name == besides.name:
            continue
        if provider_is(config, each, provider) and _cached(config, each, environ, now) is not None:
            found.append(each.name)
    return found


def sign_out(
    config: AuthConfig,
    leaving: Leaving,
    *,
    environ: Mapping[str, str],
    human: Human | None = None,
    clock: Callable[[], float] = time.time,
) -> SignedOut:
    """Sign out, then look what is left. Doing it twice is no error; a part that fails stops no other part."""
    result = SignedOut()
    ends = _ends(config, leaving.identities, environ, clock())
    for provider in leaving.providers:
        _end_session(config, provider, leaving, environ, result)
    for identity in leaving.identities:
        _forget(config, identity, leaving, environ, human, result)
    mine = entries_of(config, None if leaving.everything else leaving.identities)
    _clear_entries(config, mine, leaving, environ, result)
    if not leaving.dry_run:
        _verify(config, leaving, mine, environ, clock(), result)
        for identity in leaving.identities:
            warning = audit.append(environ, {"event": "logout", "identity": identity.name}, now=clock())
            result.warnings += [warning] if warning else []
    _say_what_lives_on(config, leaving, ends, environ, clock(), result)
    result.warnings = list(dict.fromkeys(result.warnings))
    return result


def _end_session(
    config: AuthConfig, provider: Provider, leaving: Leaving, environ: Mapping[str, str], result: SignedOut
) -> None:
    module = PROVIDERS.get(provider.kind)
    ending = None if module is None else _sign_out_of(module)
    if ending is None:
        return
    if leaving.dry_run:
        result.done.append(f"session of '{provider.name}' and its tokens: would be ended")
        return
    try:
        ended = ending(provider, config, environ)
        result.done += ended.done
        result.failed += ended.failed
        result.unreachable |= bool(ended.failed)
        if remove_provisioned(environ, config.realm, provider):
            result.done.append(f"identities that '{provider.name}' listed: forgotten")
    except EksauthError as error:
        result.failed.append(f"session of '{provider.name}': {error.message}")
        result.unreachable |= error.exit_code == 5
    except OSError as error:
        result.failed.append(f"session of '{provider.name}': {why(error)}")


def _sign_out_of(module: str) -> Callable[[Provider, AuthConfig, Mapping[str, str]], Any] | None:
    """Return the ``sign_out`` of a kind of provider, or None for kinds that keep nothing."""
    beside = module.rpartition(".")[0] + ".sign_out"
    for name in (module, beside):
        try:
            found = getattr(import_module(name), "sign_out", None)
        except ModuleNotFoundError:
            continue
        if callable(found):
            return found  # type: ignore[no-any-return]
    return None


def _forget(
    config: AuthConfig,
    identity: Identity,
    leaving: Leaving,
    environ: Mapping[str, str],
    human: Human | None,
    result: SignedOut,
) -> None:
    if leaving.dry_run:
        if _cached(config, identity, environ, 0.0) is not None:
            result.done.append(f"credentials of {identity.name}: would be removed")
        return
    try:
        result.done += [f"{each}: removed" for each in forget(config, identity, environ=environ)]
    except EksauthError as error:
        result.failed.append(f"credentials of {identity.name}: {error.message}")
    except OSError as error:
        result.failed.append(f"credentials of {identity.name}: {why(error)}")
    try:
        if remove_grant(environ, config, identity):
            result.done.append(f"what guards were told about {identity.name}: removed")
    except OSError as error:
        result.failed.append(f"what guards were told about {identity.name}: {why(error)}")
    if identity.kind == "aws/user" and not identity.credentials.access_key_id and not leaving.keep_keys:
        _forget_keys(config, identity, environ, human, result)


def _forget_keys(
    config: AuthConfig, identity: Identity, environ: Mapping[str, str], human: Human | None, result: SignedOut
) -> None:
    from eksauth.credentials.secrets.store import SecretsUnavailable, open_store
    from eksauth.credentials.secrets.user_keys import secret_name

    try:
        if open_store(config, environ, human=human).delete(secret_name(identity.name)):
            result.done.append(f"keys of {identity.name} in the keyring: removed")
    except SecretsUnavailable as error:
        result.failed.append(f"keys of {identity.name}: {error.message}")


def _clear_entries(
    config: AuthConfig, mine: Mine, leaving: Leaving, environ: Mapping[str, str], result: SignedOut
) -> None:
    names = ", ".join(each.name for each in leaving.identities[:5]) or "of entries that nobody has any more"
    for files in places(config, environ):
        for _ in range(1 if leaving.dry_run else _ROUNDS):
            try:
                cleared = clear(
                    files, mine, environ=environ, reason=f"logout {names}", dry_run=leaving.dry_run, yes=leaving.yes
                )
            except EksauthError as error:
                result.failed.append(f"kubeconfig entries: {error.message}")
                break
            _tell(cleared, leaving, result)
            if not cleared.removed:
                break


def _tell(cleared: Cleared, leaving: Leaving, result: SignedOut) -> None:
    removed_word, unset_word = ("would be removed", "would be unset") if leaving.dry_run else ("removed", "unset")
    for removed in cleared.removed:
        where = ", ".join(map(str, removed.files))
        result.done.append(f"{removed.what} in {where}: {removed_word}")
    result.done += [f"current-context in {path}: {unset_word}" for path in cleared.unset_current]
    result.left += [f'context "{name}" is protected and stays: --yes removes it' for name in cleared.protected]
    result.left += [line for line in cleared.kept if line not in result.left]
    result.warnings += cleared.warnings


def _verify(
    config: AuthConfig, leaving: Leaving, mine: Mine, environ: Mapping[str, str], now: float, result: SignedOut
) -> None:
    for identity in leaving.identities:
        found = _cached(config, identity, environ, now)
        if found is not None and identity.kind not in {"aws/ambient", "aws/profile"}:
            result.failed.append(f"credentials of {identity.name} are still there")
    for files in places(config, environ):
        try:
            left = left_in(files, mine)
        except EksauthError as error:
            result.failed.append(f"kubeconfig entries cannot be looked for: {error.message}")
            continue
        told = " ".join(result.left)
        result.failed += [f"{what} is still there" for what in left if what not in told]


def _ends(
    config: AuthConfig, identities: Iterable[Identity], environ: Mapping[str, str], now: float
) -> dict[str, float]:
    found = {}
    for each in identities:
        session = _cached(config, each, environ, now)
        if session is not None and session.credentials.expires_at is not None:
            found[each.name] = session.credentials.expires_at
    return found


def _say_what_lives_on(
    config: AuthConfig,
    leaving: Leaving,
    ends: Mapping[str, float],
    environ: Mapping[str, str],
    now: float,
    result: SignedOut,
) -> None:
    from eksauth.token.bearer import utc_text

    ended = {provider.name for provider in leaving.providers}
    for name, at in ends.items():
        until = utc_text(int(at))
        result.left.append(f"credentials of {name} that programs hold already: AWS takes them until {until}")
    for identity in leaving.identities:
        try:
            root = links_of(config, identity)[0]
        except EksauthError:
            continue
        if isinstance(root, Provider):
            if root.name not in ended and _sign_out_of(PROVIDERS.get(root.kind, "")) is not None:
                others = still_used(config, root, environ, now, besides=identity)
                because = f", which {', '.join(others[:3])} uses" if others else ""
                result.left.append(
                    f"session of '{root.name}'{because}: it still gives credentials of {identity.name}; "
                    f"end it with: eksauth logout --provider {root.name}"
                )
            continue
        if root.kind != "aws/user" or root.credentials.access_key_id or leaving.keep_keys:
            result.left.append(
                f"{identity.name} can be had again without a sign-in: '{root.name}' ({root.declared_kind}) needs none"
            )
    result.left = list(dict.fromkeys(result.left))


def _cached(config: AuthConfig, identity: Identity, environ: Mapping[str, str], now: float) -> Any:
    try:
        return cached_session(config, identity, environ=environ, now=now)
    except (EksauthError, OSError):
        return None


def with_dry_run(leaving: Leaving, *, dry_run: bool, yes: bool, keep_keys: bool) -> Leaving:
    """Return the same with the flags of a command."""
    return replace(leaving, dry_run=dry_run, yes=yes, keep_keys=keep_keys)
