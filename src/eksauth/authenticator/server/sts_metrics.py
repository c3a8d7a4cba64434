"""Counting how questions to STS end, under the names that aws-iam-authenticator gave these counters."""

from __future__ import annotations

from eksauth.authenticator.identity import CallerIdentity
from eksauth.authenticator.server.metrics import Metrics
from eksauth.authenticator.sts.client import StsApi, StsQuestion, StsUnavailable

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
