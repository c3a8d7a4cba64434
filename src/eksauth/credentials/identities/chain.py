"""From an identity back to where it starts: the links of its chain, and the region in which they talk to STS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from eksauth.aws.arn import parse_arn
from eksauth.aws.partitions import AWS
from eksauth.credentials.config.model import AuthConfig, Identity, Provider
from eksauth.credentials.identities.contract import Step
from eksauth.credentials.identities.kinds import identity_step, provider_step
from eksauth.errors import ConfigError

Item = TypeVar("Item")

_FIRST_REGIONS = {
    "aws": "us-east-1",
    "aws-cn": "cn-north-1",
    "aws-us-gov": "us-gov-west-1",
    "aws-iso": "us-iso-east-1",
    "aws-iso-b": "us-isob-east-1",
    "aws-iso-e": "eu-isoe-west-1",
    "aws-iso-f": "us-isof-south-1",
    "aws-eusc": "eusc-de-east-1",
}
"""Where STS is asked in each partition when the configuration names no region at all."""


def links_of(config: AuthConfig, identity: Identity) -> tuple[Provider | Identity, ...]:
    """Return the provider and identities that lead to ``identity``, root first, itself last.

    :raises ConfigError: when the chain runs in a circle or names something that is not there.
    """
    links: list[Provider | Identity] = [identity]
    seen = {identity.name.lower()}
    at = identity
    while at.via_identity is not None:
        before = _find(config.identities, at.via_identity)
        if before is None:
            raise _missing(at, "identity", at.via_identity)
        if before.name.lower() in seen:
            circle = " <- ".join([link.name for link in links] + [before.name])
            raise ConfigError(
                f"{at.place}: the chain of identity '{identity.name}' runs in a circle: {circle}",
                hint="start it at a provider (via.provider) or at a kind that stands alone, such as aws/user",
                code="config.chain_circle",
            )
        seen.add(before.name.lower())
        links.append(before)
        at = before
    if at.via_provider is not None:
        provider = _find(config.providers, at.via_provider)
        if provider is None:
            raise _missing(at, "provider", at.via_provider)
        links.append(provider)
    return tuple(reversed(links))


def chain_of(config: AuthConfig, identity: Identity) -> tuple[Step, ...]:
    """Return the steps to ``identity``, root first.

    :raises ConfigError: as :func:`links_of` does, and when a link is of a kind that nothing here can use.
    """
    return tuple(
        [
            provider_step(link, config) if isinstance(link, Provider) else identity_step(link, config)
            for link in links_of(config, identity)
        ]
    )


def regions_of(config: AuthConfig, identity: Identity) -> tuple[str, ...]:
    """Return where each link of the chain asks AWS; a provider without a region asks where the identity after it does.

    A link's region does not depend on what follows it, so that all that follows shares its credentials.
    """
    regions = [region_of(config, link) for link in links_of(config, identity) if isinstance(link, Identity)]
    first = links_of(config, identity)[0]
    return (first.region or regions[0], *regions) if isinstance(first, Provider) else tuple(regions)


def region_of(config: AuthConfig, identity: Identity) -> str:
    """Return where STS is asked for this chain: the nearest region to the target that the configuration names.

    Else the first region of the partition that an ARN in the chain names, or that all roles name which identities of
    the file assume from here. The environment has no say: kubectl in an editor and the shell in which somebody signed
    in have to mean the same credentials.
    """
    links = links_of(config, identity)
    for link in reversed(links):
        region = link.region if isinstance(link, Provider) else link.principal.region or link.credentials.region
        if region:
            return region
    named = [name for link in reversed(links) for name in _partitions(link)]
    if not named:
        following = {name for link in _followers(config, identity) for name in _partitions(link)}
        named = list(following) if len(following) == 1 else [AWS.name]
    return _FIRST_REGIONS[named[0]]


def _partitions(link: Provider | Identity) -> list[str]:
    """Return the partitions that ARNs of a link name."""
    found = []
    for text in _arns(link):
        try:
            name = parse_arn(text).partition
        except ValueError:
            continue
        if name in _FIRST_REGIONS:
            found.append(name)
    return found


def _followers(config: AuthConfig, identity: Identity) -> list[Identity]:
    """Return the identities whose chains go through this one."""
    names = {identity.name.lower()}
    while True:
        following = [each for each in config.identities.values() if (each.via_identity or "").lower() in names]
        found = {each.name.lower() for each in following}
        if found <= names:
            return following
        names |= found


def _arns(link: Provider | Identity) -> list[str]:
    if isinstance(link, Provider):
        return []
    principal = link.principal
    found = (principal.assume_role, principal.profile_arn, principal.task_policy_arn, link.credentials.mfa_arn)
    return [text for text in found if text]


def _find(items: Mapping[str, Item], name: str) -> Item | None:
    found = items.get(name)
    if found is not None:
        return found
    return next((item for key, item in items.items() if key.lower() == name.lower()), None)


def _missing(link: Identity, what: str, name: str) -> ConfigError:
    return ConfigError(
        f"{link.place}: identity '{link.name}' goes via {what} '{name}', which does not exist",
        hint=f"correct via.{what}; 'eksauth config validate' checks the whole file",
        code="config.missing_reference",
    )
