"""What every source of mappings offers the server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from eksauth.authenticator.identity import Identity
from eksauth.authenticator.mapping.model import Match, NotMapped, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendStatus:
    """How a backend is doing, for readiness, metrics and people.

    :ivar mode: its modern name.
    :ivar synced: it has loaded its mappings at least once since it started.
    :ivar entries: mappings in force.
    :ivar generation: counts the loads that took effect.
    :ivar loaded_at: epoch seconds of the last one, None before the first.
    :ivar failure: why the newest content is not in force (a syntax error, a watch that fails), None when it is.
    :ivar held_until: epoch seconds until which mappings that were emptied or deleted are kept, None when none are.
    :ivar problems: what loads but will not do what its writer meant.
    """

    mode: str
    synced: bool
    entries: int = 0
    generation: int = 0
    loaded_at: float | None = None
    failure: str | None = None
    held_until: float | None = None
    problems: tuple[Problem, ...] = ()


class Backend(Protocol):
    """A source of mappings that runs in the server's event loop.

    :meth:`lookup` never waits and never fails: it answers from what is in force. Everything else goes on in tasks that
    :meth:`start` makes and :meth:`close` ends.
    """

    @property
    def name(self) -> str:
        """The modern name of the backend's mode."""

    async def start(self) -> None:
        """Begin to load and watch; returns once the first attempt has succeeded or failed.

        :raises ConfigError: when it can never work as configured.
        """

    def lookup(self, identity: Identity) -> Match | NotMapped:
        """Return the entry that decides, or why there is none."""

    def status(self) -> BackendStatus:
        """Return how it is doing."""

    async def reload(self) -> None:
        """Load again now, as SIGHUP asks; what is broken changes nothing."""

    async def close(self) -> None:
        """End every task and connection; called once, also when :meth:`start` failed."""
