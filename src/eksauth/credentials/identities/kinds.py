"""Which module makes the step of which kind; loaded when a chain has one of them."""

from __future__ import annotations

from importlib import import_module

from eksauth.credentials.config.model import AuthConfig, Identity, Provider
from eksauth.credentials.identities.contract import Step
from eksauth.errors import ConfigError

PROVIDERS = {
    "aws/iam-identity-center": "eksauth.credentials.sso.provider",
    "aws/saml": "eksauth.credentials.saml.provider",
    "github/oidc": "eksauth.credentials.oidc.github",
    "oidc/token": "eksauth.credentials.oidc.provider",
}
"""Kind -> module with ``provider_step(provider: Provider, config: AuthConfig) -> Step``."""

IDENTITIES = {
    "aws/permission-set": "eksauth.credentials.sso.permission_set",
    "aws/assume-role": "eksauth.credentials.identities.role",
    "aws/assume-root": "eksauth.credentials.identities.root",
    "aws/user": "eksauth.credentials.identities.user",
    "aws/ambient": "eksauth.credentials.identities.ambient",
    "aws/profile": "eksauth.credentials.identities.profile",
    "aws/roles-anywhere": "eksauth.credentials.roles_anywhere.identity",
    "aws/pod-identity": "eksauth.credentials.identities.container",
    "aws/container": "eksauth.credentials.identities.container",
    "aws/imds": "eksauth.credentials.identities.imds",
}
"""Kind -> module with ``identity_step(identity: Identity, config: AuthConfig) -> Step``."""


def provider_step(provider: Provider, config: AuthConfig) -> Step:
    """Return the step of a provider.

    :raises ConfigError: when its kind is one that nothing here can use.
    """
    return _module(PROVIDERS, "provider", provider).provider_step(provider, config)  # type: ignore[attr-defined, no-any-return]


def identity_step(identity: Identity, config: AuthConfig) -> Step:
    """Return the step of an identity.

    :raises ConfigError: when its kind is one that nothing here can use.
    """
    return _module(IDENTITIES, "identity", identity).identity_step(identity, config)  # type: ignore[attr-defined, no-any-return]


def _module(table: dict[str, str], what: str, item: Provider | Identity) -> object:
    path = table.get(item.kind)
    if path is None:
        raise ConfigError(
            f"{item.place}: {what} '{item.name}' is of kind {item.declared_kind}, which is not an AWS kind",
            hint=f"kinds that can be used here are {', '.join(sorted(table))}",
            code="config.foreign_kind",
        )
    return import_module(path)
