"""The last decisions, for people who look at the status page."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from eksauth.authenticator.decide import Decision
from eksauth.authenticator.mapping.model import Match, NotMapped
from eksauth.authenticator.server.reports import DecisionReport

KEPT = 200


class Recent(NamedTuple):
    """One decision, when it was made (epoch seconds), for whom, and what it took (seconds)."""

    at: float
    client: str
    decision: Decision
    seconds: float
    source: str


class RecentDecisions:
    """A ring of decisions; put into words only when somebody looks."""

    def __init__(self) -> None:
        self._ring: deque[Recent] = deque(maxlen=KEPT)
        self.add = self._ring.append

    def reports(self, scrubbed_accounts: frozenset[str]) -> list[DecisionReport]:
        """Return them, newest first, without anything about identities of ``scrubbed_accounts``."""
        return [_report(recent, scrubbed_accounts) for recent in reversed(self._ring)]


def _report(recent: Recent, scrubbed_accounts: frozenset[str]) -> DecisionReport:
    decision = recent.decision
    identity = decision.identity
    scrubbed = identity is not None and identity.account_id in scrubbed_accounts
    who = ""
    if scrubbed:
        who = "(scrubbed)"
    elif identity is not None:
        who = identity.arn
    elif decision.unverified_access_key_id:
        who = f"(unverified) {decision.unverified_access_key_id}"
    match, where = decision.match, ""
    if isinstance(match, Match):
        where = str(match.source)
    elif isinstance(match, NotMapped) and match.near_misses and not scrubbed:
        near = match.near_misses[0]
        where = f"nearly {near.source}: {near.explanation}"
    return DecisionReport(
        at=recent.at,
        client=recent.client,
        allowed=decision.allowed,
        reason=decision.reason,
        who=who,
        username=decision.user.username if decision.user else "",
        groups=list(decision.user.groups) if decision.user else [],
        where=where,
        message="" if scrubbed or decision.allowed else decision.message,
        latency_ms=round(recent.seconds * 1000, 3),
        source=recent.source,
    )
