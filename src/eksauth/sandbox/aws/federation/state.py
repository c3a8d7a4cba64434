"""Everything that identity providers are in one sandbox."""

from __future__ import annotations

from dataclasses import dataclass, field

from eksauth.sandbox.aws.federation.ci_issuer import CiIssuer
from eksauth.sandbox.aws.federation.issuers import IssuerKeys


@dataclass
class Federation:
    """The sandbox's own providers, and what STS knows about the keys of any."""

    ci: CiIssuer = field(default_factory=CiIssuer)
    issuers: IssuerKeys = field(default_factory=IssuerKeys)
