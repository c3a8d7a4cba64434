"""``aws/ambient``: whatever the AWS SDKs would find here: variables, the profile in force, containers, instances."""

from __future__ import annotations

from eksauth.credentials.config.model import AuthConfig, Identity
from eksauth.credentials.identities.aws_profile import ProfileStep


def identity_step(identity: Identity, config: AuthConfig) -> ProfileStep:  # noqa: ARG001  as all kinds
    """Return the step of an ``aws/ambient``."""
    return ProfileStep(identity.name, identity.declared_kind, "", identity.principal.region)
