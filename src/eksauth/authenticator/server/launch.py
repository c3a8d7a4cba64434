"""What a server was started with: everything that another process needs to be one more of the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from eksauth.authenticator.backends.files.reading.read import read_server_config
from eksauth.authenticator.config import ServerConfig
from eksauth.authenticator.server.run import check, settings_of
from eksauth.authenticator.server.settings import ServerSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """A configuration file and the flags that beat it.

    :param path: of the configuration, None for none.
    :param flags: field of :class:`ServerConfig` -> value; None says nothing. ``limits`` are added to those of the file.
    :param cache_ttl: seconds; None for the default, as for ``negative_ttl``.
    """

    path: Path | None = None
    flags: Mapping[str, Any] = field(default_factory=dict)
    cache_ttl: float | None = None
    negative_ttl: float | None = None
    audiences: frozenset[str] | None = None
    log_format: str = "text"
    ready_file: Path | None = None

    async def read(self) -> ServerConfig:
        """Return the configuration as it is now.

        :raises ConfigError: for one that cannot be used.
        """
        loaded = await read_server_config(self.path) if self.path is not None else ServerConfig()
        given = {name: value for name, value in self.flags.items() if value is not None}
        if given.get("limits"):
            given["limits"] = {**loaded.limits, **given["limits"]}
        settled = replace(loaded, **given)
        check(settled)
        return settled

    def settings(self, config: ServerConfig) -> ServerSettings:
        """Return the settings of the server that ``config`` describes."""
        return settings_of(
            config,
            cache_ttl=self.cache_ttl,
            negative_ttl=self.negative_ttl,
            audiences=self.audiences,
            ready_file=self.ready_file,
        )
