"""A store in front of another one."""

from __future__ import annotations

from eksauth.credentials.secrets.store import SecretStore


class LayeredStore:
    """Writes to the first store and reads from both; what is written or deleted leaves the second."""

    def __init__(self, first: SecretStore, second: SecretStore) -> None:
        self._first = first
        self._second = second

    def get(self, name: str) -> str | None:
        """Return the secret of the first store that has it."""
        found = self._first.get(name)
        return found if found is not None else self._second.get(name)

    def set(self, name: str, value: str) -> None:
        """Keep a secret in the first store, and no old one in the second."""
        self._first.set(name, value)
        self._second.delete(name)

    def delete(self, name: str) -> bool:
        """Remove a secret from both."""
        first = self._first.delete(name)
        return self._second.delete(name) or first

    def names(self) -> tuple[str, ...] | None:
        """Return all names, or None when one of the stores cannot list."""
        first, second = self._first.names(), self._second.names()
        return None if first is None or second is None else tuple(sorted({*first, *second}))

    def describe(self) -> str:
        """Say where that is."""
        return f"{self._first.describe()}, and before that {self._second.describe()}"
