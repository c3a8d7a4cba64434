"""The errors that the sandbox's AWS services answer with, and the ones a test orders."""

from __future__ import annotations

import math
from typing import Literal

import msgspec


class ServiceFault(Exception):
    """An answer that is an error.

    :param code: as the query protocol spells it (``InvalidClientTokenId``); REST services translate it.
    :param status: HTTP status, 4xx or 5xx.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.status = status


class OrderedFault(msgspec.Struct, forbid_unknown_fields=True):
    """A disturbance that a test or benchmark ordered.

    ``throttle`` answers *Rate exceeded*; ``error`` answers ``status`` and ``code``; ``latency`` waits ``seconds`` and
    then answers normally; ``reset`` closes the connection without an answer; ``garbage`` answers 200 with bytes that
    are neither XML nor JSON; ``slow`` sends the right answer in pieces, ``seconds`` in all; ``truncate`` promises more
    bytes than it sends.

    :param count: how many requests it hits; None means all until it is withdrawn.
    :param action: the operation it hits (``GetCallerIdentity``); None means every one.
    :param region: the region (of the credential scope) it hits; None means every one.
    """

    kind: Literal["throttle", "error", "latency", "reset", "garbage", "slow", "truncate"]
    count: int | None = 1
    action: str | None = None
    region: str | None = None
    seconds: float = 0.0
    status: int = 500
    code: str = "InternalFailure"
    message: str = "The request processing has failed because of an unknown error, exception or failure."

    def __post_init__(self) -> None:
        if self.count is not None and self.count < 1:
            raise ValueError("count is at least 1, or null")
        if not math.isfinite(self.seconds) or not 0 <= self.seconds <= 300:
            raise ValueError("seconds lies between 0 and 300")
        if not 400 <= self.status <= 599:
            raise ValueError("status lies between 400 and 599")


class FaultPlan:
    """The ordered faults, in order of arrival; each request takes the first of every kind that fits it."""

    def __init__(self) -> None:
        self._orders: list[OrderedFault] = []

    def order(self, fault: OrderedFault) -> None:
        """Add a fault."""
        self._orders.append(fault)

    def clear(self) -> None:
        """Withdraw all faults."""
        self._orders.clear()

    def pending(self) -> list[OrderedFault]:
        """Return what is still to come."""
        return list(self._orders)

    def take(self, action: str, region: str = "") -> list[OrderedFault]:
        """Return the faults that hit this request, at most one of each kind, and count them down."""
        hits: dict[str, OrderedFault] = {}
        for fault in self._orders:
            if fault.action in {None, action} and fault.region in {None, region} and fault.kind not in hits:
                hits[fault.kind] = fault
        for fault in hits.values():
            if fault.count is not None:
                fault.count -= 1
        self._orders = [fault for fault in self._orders if fault.count != 0]
        return list(hits.values())
