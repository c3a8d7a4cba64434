"""Whom AWS takes an identity's credentials for, and where its chain asks AWS."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from eksauth.aws.arn import parse_arn
from eksauth.credentials.config.model import AuthConfig, Identity
from eksauth.credentials.identities.chain import links_of, region_of
from eksauth.credentials.identities.contract import Context, Human
from eksauth.credentials.identities.sts import caller_arn
from eksauth.credentials.identities.trust import require_trust
from eksauth.credentials.model import Credentials
from eksauth.errors import AwsError


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody, as STS names them.

    :ivar account: twelve digits.
    """

    arn: str
    account: str


def context_of(
    config: AuthConfig,
    identity: Identity,
    *,
    environ: Mapping[str, str],
    human: Human | None,
    fresh: bool = False,
    clock: Callable[[], float] = time.time,
) -> Context:
    """Return what a step of the identity's chain needs."""
    region = region_of(config, identity)
    return Context(config=config, environ=environ, region=region, human=human, fresh=fresh, clock=clock)


def endpoint_of(config: AuthConfig, identity: Identity, context: Context) -> str | None:
    """Return the emulator that stands for AWS in this chain, None for AWS itself: the nearest one to the identity.

    :raises NeedsHuman: when a configuration that was only come across names one, and nobody is there.
    """
    for link in reversed(links_of(config, identity)):
        if link.endpoint_url:
            require_trust(context, "using the endpoint_url", link.name)
            return link.endpoint_url
    return None


def prove(config: AuthConfig, identity: Identity, credentials: Credentials, context: Context) -> Caller:
    """Ask STS who the credentials belong to.

    :raises EksauthError: when it does not know them or does not answer.
    """
    return named_caller(caller_arn(context.region, endpoint_of(config, identity, context), credentials, identity.name))


def named_caller(arn: str) -> Caller:
    """Return the caller of an ARN.

    :raises AwsError: when it is none.
    """
    try:
        return Caller(arn, parse_arn(arn).account)
    except ValueError:
        raise AwsError(
            "AWS names the caller in a way that is no ARN",
            hint="check AWS_ENDPOINT_URL and proxies: this is not how STS answers",
            code="aws.answer",
        ) from None
