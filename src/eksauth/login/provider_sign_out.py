"""Ending sessions at providers, by whatever way their kind has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from eksauth.credentials.config.model import AuthConfig, Provider
from eksauth.credentials.config.provisioned import remove_provisioned
from eksauth.credentials.identities.kinds import PROVIDERS
from eksauth.errors import EksauthError
from eksauth.files import why
from eksauth.login.leaving import Leaving, SignedOut

Ending = Callable[[Provider, AuthConfig, Mapping[str, str]], Any]
"""Ends a session and returns what was ``done`` and what ``failed``."""


def end_session(
    config: AuthConfig, provider: Provider, leaving: Leaving, environ: Mapping[str, str], result: SignedOut
) -> None:
    """End the session at a provider and forget what it listed; kinds that keep nothing have none."""
    ending = sign_out_of(provider)
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


def sign_out_of(provider: Provider) -> Ending | None:
    """Return the ``sign_out`` of a kind of provider, or None for kinds that keep nothing."""
    module = PROVIDERS.get(provider.kind)
    if module is None:
        return None
    beside = module.rpartition(".")[0] + ".sign_out"
    for name in (module, beside):
        try:
            found = getattr(import_module(name), "sign_out", None)
        except ModuleNotFoundError:
            continue
        if callable(found):
            return found  # type: ignore[no-any-return]
    return None
