"""What STS found out about issuers when it last asked them for their keys."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.federation.json_web_token import no_key
from eksauth.sandbox.aws.federation.key_set import KeySet


class Trouble(Enum):
    """Why there are no keys."""

    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    UNUSABLE = "unusable"
    UNTRUSTED = "untrusted"


@dataclass(frozen=True)
class OidcProvider:
    """An issuer as an account registered it in IAM; ``name`` is its URL without the scheme."""

    arn: str
    name: str
    client_ids: tuple[str, ...]
    thumbprints: tuple[str, ...]


class IssuerKeys:
    """The keys of issuers, put here by whoever may use the network, just before they are needed."""

    def __init__(self) -> None:
        self._found: dict[str, KeySet | Trouble] = {}

    def remember(self, issuer: str, found: KeySet | Trouble) -> None:
        """Remember what asking an issuer brought; the last word counts."""
        self._found.clear()
        self._found[issuer] = found

    def keys_of(self, issuer: str) -> KeySet:
        """Return the keys of an issuer.

        :raises ServiceFault: IDPCommunicationError, IDPRejectedClaim, InvalidIdentityToken.
        """
        match self._found.get(issuer, Trouble.UNREACHABLE):
            case Trouble.UNREACHABLE:
                raise ServiceFault(
                    "IDPCommunicationError",
                    "The identity provider that was asked to verify the incoming identity token could not be reached",
                )
            case Trouble.REFUSED:
                raise ServiceFault("IDPRejectedClaim", "The identity provider reported that authentication failed", 403)
            case Trouble.UNTRUSTED:
                raise ServiceFault(
                    "InvalidIdentityToken",
                    "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint",
                )
            case KeySet() as keys:
                return keys
            case _:
                raise no_key()
