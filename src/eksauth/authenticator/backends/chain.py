"""Several backends asked in order: the first that knows the identity decides.

An account that an earlier backend lets in as a whole beats an entry of a later one, as in the reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from eksauth.authenticator.backends.contract import Backend, BackendStatus
from eksauth.authenticator.identity import Identity
from eksauth.authenticator.mapping.model import Match, NotMapped, Problem


class BackendChain:
    """An ordered list of backends that can be exchanged while requests are answered.

    A lookup takes the list once, so it sees either the old one or the new one.
    """

    name = "chain"

    def __init__(self, backends: Sequence[Backend]) -> None:
        self._backends = tuple(backends)

    @property
    def backends(self) -> tuple[Backend, ...]:
        """What is asked now, in order."""
        return self._backends

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong in any backend although it loads."""
        return tuple(problem for status in self.statuses() for problem in status.problems)

    def statuses(self) -> tuple[BackendStatus, ...]:
        """Return how each backend is doing, in order."""
        return tuple(backend.status() for backend in self._backends)

    def lookup(self, identity: Identity) -> Match | NotMapped:
        """Return the entry of the first backend that has one, or the near misses of all."""
        misses: list[NotMapped] = []
        for backend in self._backends:
            answer = backend.lookup(identity)
            if isinstance(answer, Match):
                return answer if answer.backend else replace(answer, backend=backend.name)
            misses.append(answer)
        near = tuple(miss for answer in misses for miss in answer.near_misses)
        suggestion = next((answer.suggestion for answer in misses if answer.suggestion), "")
        return NotMapped(near, suggestion)

    def exchange(self, backends: Sequence[Backend]) -> tuple[Backend, ...]:
        """Put ``backends`` in force and return those that were, for the caller to close."""
        replaced, self._backends = self._backends, tuple(backends)
        return replaced
