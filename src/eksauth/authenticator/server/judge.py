"""Between the webhook and the authenticator: remembers, shares and bounds verifications.

Only what STS said is remembered, never what the mappings made of it, so a changed mapping counts at once. Local
refusals (``token.…``) are not remembered because they cost less than the memory, and outages because they pass.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal, Protocol

from eksauth.authenticator.decide import Decision, refusal
from eksauth.authenticator.server.cache import SingleFlight, VerificationCache, cache_key
from eksauth.authenticator.verify import VerifiedToken
from eksauth.errors import EksauthError

Source = Literal["asked", "joined", "cached"]
Outcome = VerifiedToken | Decision
"""What one verification came to: an identity, or the refusal."""


class Verifier(Protocol):
    """Asks STS who a token is, see :class:`eksauth.authenticator.verify.TokenVerifier`."""

    async def verify(self, token: str | bytes) -> VerifiedToken:
        """Return the identity behind ``token`` or raise an EksauthError."""


class Authority(Protocol):
    """Knows tokens and mappings, see :class:`eksauth.authenticator.decide.Authenticator`."""

    @property
    def verifier(self) -> Verifier:
        """Where identities come from."""

    async def decide(self, verified: VerifiedToken) -> Decision:
        """Map a verified identity."""


class Overloaded(Exception):
    """As many verifications are under way as are allowed; this one was not begun."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A decision, and where the identity behind it came from: STS, somebody else's question to STS, or memory."""

    decision: Decision
    source: Source


class Judge:
    """Judges tokens through a cache and a single flight per token.

    :param cluster_id: part of every cache key.
    :param max_verifications: how many different tokens may be under verification at once.
    :param time_limit: seconds after which a verification or a mapping is given up.
    """

    def __init__(
        self,
        authority: Authority,
        cache: VerificationCache[Outcome],
        *,
        cluster_id: str,
        max_verifications: int,
        time_limit: float,
    ) -> None:
        self.cache = cache
        self._authority = authority
        self._cluster_id = cluster_id
        self._max_verifications = max_verifications
        self._time_limit = time_limit
        self._flights: SingleFlight[Outcome] = SingleFlight()

    async def judge(self, unverified_token: str) -> Judgement:
        """Return the decision about a token.

        :raises Overloaded: when it would take one more verification than allowed.
        :raises TimeoutError: when there was no decision in time.
        """
        key = cache_key(self._cluster_id, unverified_token)
        source: Source = "cached"
        outcome = self.cache.get(key)
        if outcome is None:
            source = "joined" if key in self._flights else "asked"
            if source == "asked" and len(self._flights) >= self._max_verifications:
                raise Overloaded
            outcome = await self._flights.run(key, lambda: self._verify(key, unverified_token))
        if not isinstance(outcome, VerifiedToken):
            return Judgement(outcome, source)
        async with asyncio.timeout(self._time_limit):
            decision = await self._authority.decide(outcome)
        if source != "cached" and not decision.allowed and not decision.retryable:
            # everybody with an AWS account has tokens that STS vouches for; they must not push out those of users
            self.cache.put_refusal(key, outcome, outcome.expires_at)
        return Judgement(decision, source)

    async def close(self) -> None:
        """Give up every verification that is under way."""
        await self._flights.abandon()

    async def _verify(self, key: bytes, unverified_token: str) -> Outcome:
        try:
            async with asyncio.timeout(self._time_limit):
                verified = await self._authority.verifier.verify(unverified_token)
        except EksauthError as error:
            refused = refusal(error)
            if not refused.retryable and not refused.reason.startswith("token."):
                self.cache.put_refusal(key, refused)
            return refused
        self.cache.put_grant(key, verified, verified.expires_at)
        return verified
