"""The ``MountedFile`` backend: the mappings of the server's own configuration file."""

from __future__ import annotations

from eksauth.authenticator.identity import Identity
from eksauth.authenticator.mapping.model import Mappings, Match, NotMapped, Problem
from eksauth.authenticator.mapping.steps import Steps
from eksauth.authenticator.mapping.table import MappingTable


class MountedFileBackend:
    """Mappings that were loaded once; a change needs a new backend.

    Role ARNs are compared in canonical form, so an assumed-role ARN in the file stands for its role.
    """

    name = "MountedFile"

    def __init__(self, mappings: Mappings) -> None:
        self._table = MappingTable(mappings, canonicalise_roles=True)

    @classmethod
    def in_steps(cls, mappings: Mappings) -> Steps[MountedFileBackend]:
        """Make the same backend in small steps."""
        backend = cls(Mappings())
        backend._table = yield from MappingTable.in_steps(mappings, canonicalise_roles=True)
        return backend

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Entries that shadow each other."""
        return self._table.problems

    def emptied(self) -> Steps[None]:
        """Forget everything, in small steps; for a table that nobody asks any more."""
        return self._table.emptied()

    def lookup(self, identity: Identity) -> Match | NotMapped:
        """Return the entry that decides, or why there is none."""
        return self._table.lookup(identity)
