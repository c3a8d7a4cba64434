"""What steps say about themselves when one provider or one identity of the configuration is all they are."""

from __future__ import annotations

from dataclasses import dataclass

from eksauth.credentials.config.model import Identity, Provider


@dataclass(frozen=True, slots=True)
class ProviderStep:
    """A step that is a provider; what it gives belongs to no account, or offers many."""

    provider: Provider

    @property
    def name(self) -> str:
        """Name of the provider."""
        return self.provider.name

    @property
    def kind(self) -> str:
        """Kind, as the configuration writes it."""
        return self.provider.declared_kind

    @property
    def account(self) -> str | None:
        """None."""
        return None


@dataclass(frozen=True, slots=True)
class IdentityStep:
    """A step that is an identity; its subclasses know the account."""

    identity: Identity

    @property
    def name(self) -> str:
        """Name of the identity."""
        return self.identity.name

    @property
    def kind(self) -> str:
        """Kind, as the configuration writes it."""
        return self.identity.declared_kind
