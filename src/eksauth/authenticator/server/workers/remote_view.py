"""A worker's link to its supervisor: it shows what the supervisor sees of all, and tells about itself."""

from __future__ import annotations

import msgspec

from eksauth.authenticator.server.reports import Check, Readiness, Report
from eksauth.authenticator.server.view import ProcessView
from eksauth.authenticator.server.workers.channel import Channel, ChannelError
from eksauth.authenticator.server.workers.merged_metrics import snapshot


class RemoteView:
    """All workers, as their supervisor sees them; this one alone where the supervisor does not answer."""

    def __init__(self, seen: ProcessView) -> None:
        self._seen = seen
        self.channel = Channel(self._tell)

    async def metrics(self) -> bytes:
        """Return the metrics of all workers."""
        try:
            return await self.channel.ask("metrics")
        except ChannelError:
            return await self._seen.metrics()

    async def reports(self) -> list[Report]:
        """Return the reports of all workers."""
        try:
            return msgspec.json.decode(await self.channel.ask("reports"), type=list[Report])
        except ChannelError:
            return await self._seen.reports()

    async def ready(self) -> Readiness:
        """Return whether the whole server should get requests."""
        try:
            return msgspec.json.decode(await self.channel.ask("ready"), type=Readiness)
        except ChannelError as error:
            return Readiness(ready=False, checks=[Check("supervisor", ok=False, detail=str(error))])

    async def _tell(self, subject: str, content: bytes) -> bytes:  # noqa: ARG002  no question has any
        if subject == "samples":
            return msgspec.json.encode(snapshot(self._seen.observed().registry))
        if subject == "report":
            return msgspec.json.encode(self._seen.report())
        raise ValueError(subject)
