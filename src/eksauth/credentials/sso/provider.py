"""The first link of chains that start at IAM Identity Center: a portal's access token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eksauth.credentials.config.model import AuthConfig, Provider
from eksauth.credentials.identities.bases import ProviderStep
from eksauth.credentials.identities.contract import Context, Input, Material, SsoAccess
from eksauth.credentials.sso.portal import portal_of


@dataclass(frozen=True, slots=True)
class PortalStep(ProviderStep):
    """Signs in to a portal, or finds that somebody has."""

    def facts(self) -> tuple[str, ...]:
        """Return which portal and which sign-in."""
        portal = portal_of(self.provider)
        return (portal.start_url, portal.region, portal.session or "", portal.endpoint_url or "", *portal.scopes)

    def inputs(self, environ: Mapping[str, str]) -> tuple[Input, ...]:
        """Return the sign-in: what one person got is not for the next who signs in here."""
        from eksauth.credentials.sso.files import token_path

        return (("sign-in", str(token_path(environ, portal_of(self.provider)))),)

    def obtain(self, source: Material | None, context: Context) -> SsoAccess:  # noqa: ARG002  nothing comes before it
        """Return an access token.

        :raises NeedsHuman: when a person has to sign in and ``context.human`` is None.
        :raises EksauthError: when the service refuses or cannot be reached.
        """
        return access(self.provider, context)


def provider_step(provider: Provider, config: AuthConfig) -> PortalStep:  # noqa: ARG001  the contract of kinds.py
    """Return the step of a provider of kind ``aws/iam-identity-center``.

    :raises ConfigError: when its start URL or region is missing.
    """
    portal_of(provider)
    return PortalStep(provider)


def access(provider: Provider, context: Context, *, refused: str | None = None) -> SsoAccess:
    """Return an access token as the next link takes it; parameters and errors are those of ``tokens.access_token``."""
    from eksauth.credentials.sso.tokens import access_token

    token = access_token(provider, context, refused=refused)
    portal = portal_of(provider)
    return SsoAccess(token.access_token, portal.region, portal.start_url, token.expires_at)
