"""Whom a kubeconfig command acts as: an identity of a configuration, or nobody but the plain AWS chain."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from eksauth.credentials.config.load import load_config
from eksauth.credentials.config.model import AuthConfig, Identity
from eksauth.credentials.config.select import select_identity
from eksauth.credentials.identities.contract import Human
from eksauth.errors import ConfigError
from eksauth.kubeconfig.update_request import ActingAs
from eksauth.login.kubeconfigs.provision import exec_identity
from eksauth.login.programs.usable import usable_session
from eksauth.token.selection import identity_wanted


def acting_identity(
    environ: Mapping[str, str],
    *,
    identity: str | None = None,
    config_file: str | None = None,
    realm: str | None = None,
    profile: str | None = None,
    role: str | None = None,
    implicit: bool = True,
    human: Human | None = None,
    clock: Callable[[], float] = time.time,
) -> ActingAs | None:
    """Return the identity that is meant, by the rule of ``token``, with its credentials; None for the plain AWS chain.

    :param implicit: whether a configuration counts that nobody mentioned.
    :raises UsageError: when there is no such identity, or no telling which.
    :raises ConfigError: ``config.searched`` when an entry would vouch for a configuration that nobody named.
    :raises EksauthError: whichever kind says why there are no credentials.
    """
    wanted = identity_wanted(
        environ, identity=identity, config=config_file, profile=profile, role=role, implicit=implicit
    )
    if wanted is None:
        return None
    config = load_config(environ, flag=config_file, realm=realm)
    chosen = select_identity(config, environ, flag=wanted or None, human=human)
    if chosen is None:
        return None
    check_may_pin(config, human)
    return act_as(config, chosen, environ=environ, human=human, clock=clock)


def act_as(
    config: AuthConfig,
    identity: Identity,
    *,
    environ: Mapping[str, str],
    human: Human | None = None,
    clock: Callable[[], float] = time.time,
) -> ActingAs:
    """Return ``identity`` with credentials to ask EKS with.

    :raises EksauthError: whichever kind says why there are none.
    """
    session = usable_session(config, identity, environ=environ, human=human, clock=clock)
    return ActingAs(identity=exec_identity(config, identity), region=session.region, credentials=session.credentials)


def check_may_pin(config: AuthConfig, human: Human | None) -> None:
    """Refuse to write an entry that names a configuration which nobody named.

    kubectl would trust that file from then on, commands in it included: a person has to see that happen.

    :raises ConfigError: ``config.searched``.
    """
    if config.searched and human is None:
        raise ConfigError(
            f"no kubeconfig entry is made for {config.path}: it was found by searching, nobody named it",
            hint="if you trust the file name it with --config or EKSAUTH_CONFIG, or do this at a terminal",
            code="config.searched",
        )
