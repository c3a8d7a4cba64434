"""The status port and the health port of a server, opened and closed together."""

from __future__ import annotations

import logging

from eksauth.authenticator.server.decision_log import LOGGER_NAME
from eksauth.authenticator.server.doors.side_server import HealthSite, SideServer, StatusSite
from eksauth.authenticator.server.settings import ServerSettings
from eksauth.authenticator.server.view import View
from eksauth.errors import ConfigError

_log = logging.getLogger(LOGGER_NAME)


class SidePorts:
    """Whichever of the two are wanted."""

    def __init__(self, settings: ServerSettings, view: View) -> None:
        self._settings = settings
        self._view = view
        self._open: dict[str, SideServer] = {}

    async def start(self) -> None:
        """Listen.

        :raises ConfigError: when an address that was asked for cannot be had.
        """
        side = self._settings.side
        if side.status_port is not None:
            site = StatusSite(self._view, self._settings.hostname)
            await self._listen("status", SideServer(site), side.status_address, side.status_port)
        if side.health_port is not None:
            try:
                await self._listen("health", SideServer(HealthSite(self._view)), side.health_address, side.health_port)
            except ConfigError as error:
                if side.health_required:
                    raise
                _log.info("no health port", extra={"fields": {"detail": error.message}})

    @property
    def facts(self) -> dict[str, object]:
        """Where they are, for the log and the ready file."""
        return {f"{name}_port": server.port for name, server in self._open.items()}

    async def close(self) -> None:
        """Close them."""
        for server in self._open.values():
            await server.close()

    async def _listen(self, name: str, server: SideServer, address: str, port: int) -> None:
        await server.start(address, port)
        self._open[name] = server
