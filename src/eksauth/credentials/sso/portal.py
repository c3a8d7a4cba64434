"""A portal of IAM Identity Center as one value, and the names of the files that the AWS CLI keeps for it; pure.

The names are those of botocore's ``SSOTokenLoader`` and of ``aws sso login`` of the AWS CLI version 2, so that each of
the tools finds what the other one has stored.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from eksauth.credentials.config.model import Provider
from eksauth.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Portal:
    """Where to sign in.

    :ivar provider: name of the provider in the configuration, for people.
    :ivar session: name of the AWS ``sso-session``, or None for the older way, in which the start URL is the name.
    :ivar scopes: asked for with a registration; a refresh token is only given for ``sso:account:access``.
    :ivar endpoint_url: an emulator's base URL, or None for AWS and whatever ``AWS_ENDPOINT_URL*`` say.
    """

    provider: str
    start_url: str
    region: str
    session: str | None
    scopes: tuple[str, ...]
    endpoint_url: str | None

    @property
    def token_key(self) -> str:
        """Name of the token file, without ``.json``.

        A host of the configuration's own choice gets names of its own: no token of the real portal is ever sent there.
        """
        name = self.session if self.session is not None else self.start_url
        return _sha1(name if self.endpoint_url is None else f"{name} {self.endpoint_url}")

    @property
    def registration_key(self) -> str:
        """Name of the registration's file, without ``.json``."""
        facts = {
            "tool": "botocore",
            "startUrl": self.start_url,
            "region": self.region,
            "scopes": list(self.scopes),
            "session_name": self.session,
        }
        if self.endpoint_url is not None:
            facts["endpoint_url"] = self.endpoint_url
        return _sha1(json.dumps(facts, sort_keys=True))


def portal_of(provider: Provider) -> Portal:
    """Return the portal of a provider of kind ``aws/iam-identity-center``.

    :raises ConfigError: when its start URL or region is missing.
    """
    if not provider.start_url or not provider.region:
        missing = "region" if provider.start_url else "start_url"
        raise ConfigError(
            f"{provider.place}: provider '{provider.name}' has no {missing}",
            hint="take it from 'aws configure sso', or from the settings page of IAM Identity Center",
            code="config.sso_incomplete",
        )
    return Portal(
        provider.name,
        provider.start_url,
        provider.region,
        provider.session_name,
        provider.scopes,
        provider.endpoint_url,
    )


def _sha1(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
