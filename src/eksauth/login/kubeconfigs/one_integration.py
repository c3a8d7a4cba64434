"""The kubeconfig entries of one integration, asked for by its name."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from difflib import get_close_matches

from eksauth.credentials.config.model import AuthConfig, EksIntegration
from eksauth.credentials.config.select import find_identity
from eksauth.credentials.identities.contract import Human
from eksauth.errors import ConfigError, UsageError
from eksauth.login.acting import act_as, check_may_pin
from eksauth.login.caller import context_of, endpoint_of
from eksauth.login.kubeconfigs.askers import Asking, wanted_for
from eksauth.login.kubeconfigs.clusters import describe_wanted
from eksauth.login.kubeconfigs.provision import Provisioned, write_entries


def write_integration(
    config: AuthConfig,
    name: str,
    *,
    command: str,
    environ: Mapping[str, str],
    human: Human | None = None,
    dry_run: bool = False,
    clock: Callable[[], float] = time.time,
) -> Provisioned:
    """Write them, whether or not a login does that by itself.

    :param command: of the exec entry.
    :raises UsageError: when there is no integration of that name.
    :raises ConfigError: when it has no identity.
    :raises EksauthError: whichever other kind says why there are no credentials.
    """
    integration = _find(config, name)
    if integration.via_identity is None:
        raise ConfigError(
            f"{integration.place}: integration '{integration.name}' names no identity that its entry could act as",
            hint="say which one: via: {identity: NAME}",
            code="config.no_identity",
        )
    identity = find_identity(config, integration.via_identity)
    check_may_pin(config, human)
    acting = act_as(config, identity, environ=environ, human=human, clock=clock)
    context = context_of(config, identity, environ=environ, human=human, clock=clock)
    asking = Asking(identity, acting.credentials, endpoint_of(config, identity, context))
    wanted = wanted_for(config, [(asking, integration)], environ=environ, human=human, clock=clock)
    described = describe_wanted(wanted, environ=environ, clock=clock)
    return write_entries(
        config,
        described,
        command=command,
        environ=environ,
        reason=f"update integration {integration.name}",
        dry_run=dry_run,
    )


def _find(config: AuthConfig, name: str) -> EksIntegration:
    for known in config.integrations.values():
        if known.name.lower() == name.lower():
            return known
    near = get_close_matches(name, list(config.integrations), 1)
    there = ", ".join(sorted(config.integrations)[:8])
    raise UsageError(
        f"there is no integration '{name}'",
        hint=f"did you mean {near[0]}" if near else f"there is {there}" if there else "the configuration has none",
        code="usage.integration",
    )
