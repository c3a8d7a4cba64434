"""Every STS host on its own: what one region does to its questions is no business of another's.

A token names its host, so the number of hosts is up to whoever sends tokens. Those that never answered are forgotten
when there are too many.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from eksauth.authenticator.identity import CallerIdentity
from eksauth.authenticator.sts.client import StsApi, StsQuestion
from eksauth.authenticator.sts.host import HostLimits, NoObserver, Observer, StsHost


class StsHosts:
    """STS with a room of its own for each host; raises what :class:`StsHost` raises.

    :param sts: makes one attempt at one question.
    :param most: how many hosts are remembered, as long as no more than that are being asked.
    """

    def __init__(
        self,
        sts: StsApi,
        *,
        limits: HostLimits | None = None,
        observer: Observer | None = None,
        most: int = 128,
        tick: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sts = sts
        self._limits = limits or HostLimits()
        self._observer = observer or NoObserver()
        self._most = most
        self._tick = tick
        self._hosts: OrderedDict[str, StsHost] = OrderedDict()

    async def get_caller_identity(self, question: StsQuestion) -> CallerIdentity:
        """Ask the host that the token names."""
        host = self._hosts.get(question.host)
        if host is None:
            self._make_room()
            host = self._hosts[question.host] = StsHost(
                question.host, self._sts, limits=self._limits, observer=self._observer, tick=self._tick
            )
        self._hosts.move_to_end(question.host)
        return await host.ask(question)

    def known(self) -> tuple[StsHost, ...]:
        """Return the hosts that were asked."""
        return tuple(self._hosts.values())

    def _make_room(self) -> None:
        if len(self._hosts) < self._most:
            return
        idle = [host for host in self._hosts.values() if not host.questions]
        # strangers first, each group oldest first
        for host in sorted(idle, key=lambda host: host.last_answer is not None):
            if len(self._hosts) < self._most:
                return
            if host.breaker.state != "closed":
                self._observer.circuit(host.name, is_open=False)
            del self._hosts[host.name]
