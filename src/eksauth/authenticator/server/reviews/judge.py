"""Between the webhook and the authenticator: remembers, shares and bounds verifications.

Only what STS said is remembered, never what the mappings made of it, so a changed mapping counts at once. Local
refusals (``token.…``) are not remembered because they cost less than the memory, and outages because they pass.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Literal, Protocol

from eksauth.authenticator.decide import Decision, refusal
from eksauth.authenticator.server.doors.sources import Sources
from eksauth.authenticator.server.reviews.cache import SingleFlight, VerificationCache, cache_key
from eksauth.authenticator.verify import CheckedToken, VerifiedToken
from eksauth.errors import EksauthError

Source = Literal["asked", "joined", "cached"]
Outcome = VerifiedToken | Decision
"""What one verification came to: an identity, or the refusal."""


class Verifier(Protocol):
    """Asks STS who a token is, see :class:`eksauth.authenticator.verify.TokenVerifier`."""

    def check(self, token: str | bytes) -> CheckedToken:
        """Hold ``token`` against the rules or raise an EksauthError."""

    async def verify_checked(self, checked: CheckedToken) -> VerifiedToken:
        """Return the identity behind a token or raise an EksauthError."""


class Authority(Protocol):
    """Knows tokens and mappings, see :class:`eksauth.authenticator.decide.Authenticator`."""

    @property
    def verifier(self) -> Verifier:
        """Where identities come from."""

    async def decide(self, verified: VerifiedToken) -> Decision:
        """Map a verified identity."""

    def holds(self, decision: Decision) -> bool:
        """Tell whether a decision about an identity would be the same now."""


@dataclass(slots=True)
class Remembered:
    """What is known about one token.

    :param decision: what the mappings made of it the last time; only good as long as the authority says so.
    :param answers: what was answered, by question; whoever answers keeps it here and knows how long it is good.
    """

    outcome: Outcome
    decision: Decision | None = None
    answers: dict[object, object] = field(default_factory=dict)


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
    :param sources: bounds what is under way for one peer address.
    :param time_limit: seconds after which a verification or a mapping is given up.
    """

    def __init__(
        self,
        authority: Authority,
        cache: VerificationCache[Remembered],
        *,
        cluster_id: str,
        max_verifications: int,
        time_limit: float,
        sources: Sources | None = None,
    ) -> None:
        self.cache = cache
        self._authority = authority
        self._cluster_id = cluster_id
        self._max_verifications = max_verifications
        self._time_limit = time_limit
        self._sources = sources
        self._flights: SingleFlight[Remembered] = SingleFlight()

    async def judge(self, unverified_token: str, client: str = "") -> Judgement:
        """Return the decision about a token.

        :param client: the address of whoever asks.
        :raises Overloaded: when it would take one more verification than allowed.
        :raises TimeoutError: when there was no decision in time.
        """
        key = cache_key(self._cluster_id, unverified_token)
        source: Source = "cached"
        known = self.cache.get(key)
        if known is None:
            source = "joined" if key in self._flights else "asked"
            if source == "asked":
                if len(self._flights) >= self._max_verifications:
                    raise Overloaded
                if self._sources is not None and not self._sources.begin(client):
                    raise Overloaded
            known = await self._flights.run(key, lambda: self._verify(key, unverified_token, client))
        if not isinstance(known.outcome, VerifiedToken):
            return Judgement(known.outcome, source)
        async with asyncio.timeout(self._time_limit):
            decision = await self._authority.decide(known.outcome)
        if source != "cached" and not decision.allowed and not decision.retryable:
            # everybody with an AWS account has tokens that STS vouches for; they must not push out those of users
            self.cache.put_refusal(key, known, known.outcome.expires_at)
        known.decision = decision
        known.answers.clear()
        return Judgement(decision, source)

    def recall(self, unverified_token: str) -> tuple[Decision, Remembered] | None:
        """Return the decision about a token when there is nothing to wait for: it is remembered and still right."""
        known = self.cache.get(cache_key(self._cluster_id, unverified_token))
        if known is None:
            return None
        if not isinstance(known.outcome, VerifiedToken):
            return known.outcome, known
        if known.decision is None or not self._authority.holds(known.decision):
            return None
        return known.decision, known

    async def close(self) -> None:
        """Give up every verification that is under way."""
        await self._flights.abandon()

    async def _verify(self, key: bytes, unverified_token: str, client: str) -> Remembered:
        try:
            return await self._ask(key, unverified_token)
        finally:
            if self._sources is not None:
                self._sources.end(client)

    async def _ask(self, key: bytes, unverified_token: str) -> Remembered:
        checked = None
        try:
            checked = self._authority.verifier.check(unverified_token)
            async with asyncio.timeout(self._time_limit):
                verified = await self._authority.verifier.verify_checked(checked)
        except EksauthError as error:
            decision = refusal(error, checked)
            refused = Remembered(decision)
            if not decision.retryable and not decision.reason.startswith("token."):
                self.cache.put_refusal(key, refused)
            return refused
        known = Remembered(verified)
        self.cache.put_grant(key, known, verified.expires_at)
        return known
