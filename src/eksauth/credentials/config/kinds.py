"""Kinds of providers, identities and integrations: ours, and those of Atmos that are left alone here."""

from __future__ import annotations

import re

from eksauth.credentials.config.model import IdentityKind, ProviderKind

PROVIDER_KINDS: tuple[ProviderKind, ...] = ("aws/iam-identity-center", "aws/saml", "github/oidc", "oidc/token")
IDENTITY_KINDS: dict[str, IdentityKind] = {
    "aws/permission-set": "aws/permission-set",
    "aws/assume-role": "aws/assume-role",
    "aws/assume-root": "aws/assume-root",
    "aws/user": "aws/user",
    "aws/ambient": "aws/ambient",
    "ambient": "aws/ambient",
    "aws/profile": "aws/profile",
    "aws/roles-anywhere": "aws/roles-anywhere",
    "aws/pod-identity": "aws/pod-identity",
    "aws/container": "aws/container",
    "aws/imds": "aws/imds",
}
"""As the file writes them, and what they are."""
INTEGRATION_KIND = "aws/eks"

FOREIGN_PATTERN = r"^((azure|gcp)/.+|atmos/pro|mock(/.+)?|[a-z]+/emulator|aws/ecr(-public)?|github/sts)$"
"""Kinds that Atmos has for other clouds, for its own service, for tests and for other things than clusters."""


def is_foreign(kind: str) -> bool:
    """Tell whether Atmos knows ``kind`` and eksauth leaves it alone."""
    return re.fullmatch(FOREIGN_PATTERN, kind) is not None
