"""``aws/profile``: a profile of the AWS config and credentials files, as ``--profile`` uses it."""

from __future__ import annotations

from eksauth.credentials.config.model import AuthConfig, Identity
from eksauth.credentials.identities.aws_profile import ProfileStep
from eksauth.errors import ConfigError


def identity_step(identity: Identity, config: AuthConfig) -> ProfileStep:  # noqa: ARG001  as all kinds
    """Return the step of an ``aws/profile``.

    :raises ConfigError: when it names no profile.
    """
    profile = identity.principal.profile
    if not profile:
        raise ConfigError(
            f"{identity.place}: identity '{identity.name}' names no AWS profile",
            hint="add principal.profile",
            code="config.profile_missing",
        )
    return ProfileStep(identity.name, identity.declared_kind, profile, identity.principal.region)
