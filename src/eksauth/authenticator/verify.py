"""From a token to a verified identity: the rules, then STS, then what its answer means."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from eksauth.authenticator.arguments import checked_cluster_id, checked_partition
from eksauth.authenticator.identity import Identity, identity_from
from eksauth.authenticator.rules.evidence import Evidence
from eksauth.authenticator.rules.order import first_refusal
from eksauth.authenticator.rules.refusal import Refusal
from eksauth.authenticator.rules.sts_host import StsHost
from eksauth.authenticator.rules.token_text import as_bytes
from eksauth.authenticator.sts.client import StsApi, StsQuestion
from eksauth.errors import Refused
from eksauth.token.bearer import TOKEN_LIFE_SECONDS


class TokenRefused(Refused):
    """The token breaks a rule; ``code`` is the rule's reason."""

    code = "token.refused"


@dataclass(frozen=True, slots=True)
class CheckedToken:
    """A token that obeys every rule; STS has not been asked.

    :param question: what to ask STS.
    :param unverified_access_key_id: the key that claims to have signed it.
    :param expires_at: seconds since the epoch.
    """

    question: StsQuestion
    host: StsHost
    unverified_access_key_id: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """Who signed a token, vouched for by STS, and until when the token counts (seconds since the epoch)."""

    identity: Identity
    expires_at: float


def check_token(token: str | bytes, *, cluster_id: str, partition: str, now: float) -> CheckedToken:
    """Hold ``token`` against every rule; no I/O.

    :raises TokenRefused: with the reason code and hint of the first rule that it breaks.
    """
    evidence = Evidence(as_bytes(token), now, partition)
    refusal = first_refusal(evidence)
    if refusal is not None:
        raise _refused(refusal)
    url, host, signed_at = evidence.url, evidence.host, evidence.signed_at
    if url is None or host is None or signed_at is None:
        raise AssertionError("rules passed without reading the token")
    return CheckedToken(
        question=StsQuestion(host.name, f"{url.path}?{url.query}", cluster_id),
        host=host,
        unverified_access_key_id=evidence.credential[0],
        expires_at=signed_at + TOKEN_LIFE_SECONDS,
    )


def _refused(refusal: Refusal) -> TokenRefused:
    return TokenRefused(refusal.message, hint=refusal.hint, code=refusal.code)


class TokenVerifier:
    """Verifies tokens for one cluster; holds no state besides the STS client.

    :raises ConfigError: for a cluster id that no HTTP header can carry or an unknown partition.
    """

    def __init__(self, *, cluster_id: str, partition: str, sts: StsApi, now: Callable[[], float] = time.time) -> None:
        self.cluster_id = checked_cluster_id(cluster_id)
        self.partition = checked_partition(partition)
        self._sts = sts
        self._now = now

    def check(self, token: str | bytes) -> CheckedToken:
        """Hold ``token`` against the rules only; raises :class:`TokenRefused`."""
        return check_token(token, cluster_id=self.cluster_id, partition=self.partition, now=self._now())

    async def verify(self, token: str | bytes) -> VerifiedToken:
        """Return who signed ``token``.

        :raises TokenRefused: it breaks a rule; STS was not asked.
        :raises StsRefused: STS refuses it.
        :raises StsUnavailable: STS gave no judgement.
        :raises IdentityRefused: STS vouches for somebody who cannot be of this cluster's partition.
        """
        return await self.verify_checked(self.check(token))

    async def verify_checked(self, checked: CheckedToken) -> VerifiedToken:
        """Ask STS about a token that obeys the rules; raises as :meth:`verify` does."""
        caller = await self._sts.get_caller_identity(checked.question)
        identity = identity_from(
            caller,
            access_key_id=checked.unverified_access_key_id,
            sts_host=checked.host.name,
            partition=self.partition,
        )
        return VerifiedToken(identity, checked.expires_at)
