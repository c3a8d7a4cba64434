"""Being nobody again: what is cached goes, sessions are ended where AWS can end them, and what is left is said.

STS has no way to take back what it gave: credentials that a program holds already stay good until they expire. So
everything on this machine that could get new ones is removed, and then looked for once more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from eksauth.credentials import audit
from eksauth.credentials.config.model import AuthConfig, Identity
from eksauth.credentials.grants import remove_grant
from eksauth.credentials.identities.authenticate import forget
from eksauth.credentials.identities.contract import Human
from eksauth.errors import EksauthError
from eksauth.files import why
from eksauth.login.kubeconfigs.own_entries import Cleared, Mine, clear, entries_of, places
from eksauth.login.leaving import Leaving, SignedOut, cached_or_none
from eksauth.login.left_over import ends_of, say_what_lives_on, verify
from eksauth.login.provider_sign_out import end_session

_ROUNDS = 3
"""An entry of ours in a second file comes to light when the first is gone."""


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
    ends = ends_of(config, leaving.identities, environ, clock())
    # first of all, for what is cached is found by the sign-in that it came from
    gone = [each for each in leaving.identities if _forget(config, each, leaving, environ, human, result)]
    for provider in leaving.providers:
        end_session(config, provider, leaving, environ, result)
    mine = entries_of(config, None if leaving.everything else leaving.identities)
    _clear_entries(config, mine, leaving, environ, result)
    if not leaving.dry_run:
        verify(config, leaving, mine, environ, clock(), result)
        for identity in gone:
            warning = audit.append(environ, {"event": "logout", "identity": identity.name}, now=clock())
            result.warnings += [warning] if warning else []
    say_what_lives_on(config, leaving, ends, environ, clock(), result)
    result.warnings = list(dict.fromkeys(result.warnings))
    return result


def _forget(
    config: AuthConfig,
    identity: Identity,
    leaving: Leaving,
    environ: Mapping[str, str],
    human: Human | None,
    result: SignedOut,
) -> bool:
    """Remove what is kept of an identity and tell whether there was anything."""
    before = len(result.done)
    if leaving.dry_run:
        if cached_or_none(config, identity, environ, 0.0) is not None:
            result.done.append(f"credentials of {identity.name}: would be removed")
        return False
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
    return len(result.done) > before


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
