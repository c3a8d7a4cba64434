"""Keeping STS hosts that never answer from taking the places of those that do.

A token names its own STS host, and anybody can send tokens. In a network that reaches only one region, a hundred tokens
a second for another one would keep every place busy with waiting, and nobody could log in. So hosts that have never
answered share a part of the places. A host that has answered once is never put back: an outage must not lock it out.
"""

from __future__ import annotations

from eksauth.authenticator.identity import CallerIdentity
from eksauth.authenticator.sts.client import StsApi, StsQuestion, StsRefused, StsUnavailable


class SharedSts:
    """STS with a bound on questions to hosts that have not answered yet; raises what the STS below raises.

    :param unproven: how many of those may be under way at once; more are ``sts.busy``, without being asked.
    """

    def __init__(self, sts: StsApi, *, unproven: int) -> None:
        self._sts = sts
        self._unproven = unproven
        self._under_way = 0
        # bounded by the hosts that there are: only who speaks as STS does gets in
        self._answering: set[str] = set()

    async def get_caller_identity(self, question: StsQuestion) -> CallerIdentity:
        """Ask STS, or refuse to for now.

        :raises StsUnavailable: ``sts.busy`` too.
        """
        if question.host in self._answering:
            return await self._sts.get_caller_identity(question)
        if self._under_way >= self._unproven:
            raise StsUnavailable(
                f"{question.host} was not asked: too many questions to hosts that have never answered are under way",
                hint="look for tokens of regions that cannot be reached from here",
                code="sts.busy",
            )
        self._under_way += 1
        try:
            caller = await self._sts.get_caller_identity(question)
        except (StsRefused, StsUnavailable) as error:
            if isinstance(error, StsRefused) or error.code == "sts.throttled":
                self._answering.add(question.host)
            raise
        finally:
            self._under_way -= 1
        self._answering.add(question.host)
        return caller
