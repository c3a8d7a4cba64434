"""Everything that identity providers are in one sandbox."""

from __future__ import annotations

from dataclasses import dataclass, field

from eksauth.sandbox.aws.federation.ci_issuer import CiIssuer
from eksauth.sandbox.aws.federation.issuers import IssuerKeys
from eksauth.sandbox.aws.federation.saml_idp import SamlIdp


@dataclass
class Federation:
    """The sandbox's own providers, and what STS knows about the keys of any."""

    ci: CiIssuer = field(default_factory=CiIssuer)
    idp: SamlIdp = field(default_factory=SamlIdp)
    issuers: IssuerKeys = field(default_factory=IssuerKeys)

    def move_to(self, base_url: str) -> None:
        """Take note of the URL that the endpoint got, without a slash at the end."""
        self.ci.base_url = self.idp.base_url = base_url
