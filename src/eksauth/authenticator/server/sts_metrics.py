"""Counting how questions to STS end, under the names that aws-iam-authenticator gave these counters."""

from __future__ import annotations

import logging

from eksauth.authenticator.identity import CallerIdentity
from eksauth.authenticator.server.decision_log import LOGGER_NAME
from eksauth.authenticator.server.metrics import Metrics
from eksauth.authenticator.sts.client import StsApi, StsQuestion, StsUnavailable

_log = logging.getLogger(LOGGER_NAME)
_NO_CONNECTION = {"sts.unreachable", "sts.timeout", "sts.tls"}


class MeteredSts:
    """STS with counters; raises what the STS below raises."""

    def __init__(self, sts: StsApi, metrics: Metrics) -> None:
        self._sts = sts
        self._metrics = metrics

    async def get_caller_identity(self, question: StsQuestion) -> CallerIdentity:
        """Ask STS and count how that ended."""
        try:
            return await self._sts.get_caller_identity(question)
        except StsUnavailable as error:
            if error.code == "sts.throttled":
                self._metrics.sts_throttled(question.host)
            elif error.code in _NO_CONNECTION:
                self._metrics.sts_unreachable(question.host)
            raise


class StsObserver:
    """Counts extra attempts, and logs when a host is left alone and when it is back."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def retried(self, host: str) -> None:
        """Count another attempt."""
        self._metrics.sts_extra_attempt(host, "retry")

    def hedged(self, host: str, *, won: bool) -> None:
        """Count a second attempt at a late question."""
        self._metrics.sts_extra_attempt(host, "hedge_won" if won else "hedge_lost")

    def circuit(self, host: str, *, is_open: bool) -> None:
        """Count and log."""
        self._metrics.sts_circuit(host, is_open=is_open)
        if is_open:
            hint = "its tokens are refused at once until it answers; other regions go on"
            _log.error("sts", extra={"fields": {"host": host, "error": "gives no answers", "hint": hint}})
        else:
            _log.info("sts", extra={"fields": {"host": host, "detail": "answers again, or is forgotten"}})
