"""Who asks EKS about a cluster: the identity of its entry, or another one that the integration names."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from eksauth.credentials.config.model import AuthConfig, EksIntegration, Identity
from eksauth.credentials.config.select import find_identity
from eksauth.credentials.identities.contract import Human
from eksauth.credentials.model import Credentials
from eksauth.errors import EksauthError
from eksauth.login.caller import context_of, endpoint_of
from eksauth.login.kubeconfigs.clusters import Wanted
from eksauth.login.programs.usable import usable_session


@dataclass(frozen=True, slots=True)
class Asking:
    """Somebody who can ask.

    :ivar endpoint_url: of the emulator that stands for AWS, or None.
    """

    identity: Identity
    credentials: Credentials = field(repr=False)
    endpoint_url: str | None = None


def wanted_for(
    config: AuthConfig,
    pairs: Iterable[tuple[Asking, EksIntegration]],
    *,
    environ: Mapping[str, str],
    human: Human | None = None,
    clock: Callable[[], float] = time.time,
) -> list[Wanted]:
    """Return what is to be described, each with the credentials to ask with.

    Another identity that cannot ask is the failure of its clusters only.

    :param human: who may be asked when another identity needs somebody to sign in.
    """
    known: dict[str, Asking | EksauthError] = {}
    found = []
    for asking, integration in pairs:
        other: Asking | EksauthError = asking
        name = integration.describe_as
        if name is not None and name.lower() != asking.identity.name.lower():
            if name not in known:
                known[name] = _other(config, name, environ, human, clock)
            other = known[name]
        if isinstance(other, EksauthError):
            found.append(Wanted(integration=integration, identity=asking.identity, credentials=None, error=other))
            continue
        found.append(
            Wanted(
                integration=integration,
                identity=asking.identity,
                credentials=other.credentials,
                endpoint_url=other.endpoint_url,
            )
        )
    return found


def _other(
    config: AuthConfig, name: str, environ: Mapping[str, str], human: Human | None, clock: Callable[[], float]
) -> Asking | EksauthError:
    try:
        identity = find_identity(config, name)
        session = usable_session(config, identity, environ=environ, human=human, clock=clock)
        context = context_of(config, identity, environ=environ, human=human, clock=clock)
        return Asking(identity, session.credentials, endpoint_of(config, identity, context))
    except EksauthError as error:
        return error
