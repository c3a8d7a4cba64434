"""Secrets that end with the process; only where a configuration says ``memory``."""

from __future__ import annotations

from eksauth.credentials.secrets.store import check_secret

_KEPT: dict[tuple[str, str], str] = {}
"""By realm and name; shared by all stores of the process, as a keyring would be."""


class MemoryStore:
    """Keeps secrets in this process."""

    def __init__(self, realm: str) -> None:
        self._realm = realm

    def get(self, name: str) -> str | None:
        """Return a secret, or None."""
        return _KEPT.get((self._realm, name))

    def set(self, name: str, value: str) -> None:
        """Keep a secret."""
        check_secret(name, value)
        _KEPT[self._realm, name] = value

    def delete(self, name: str) -> bool:
        """Remove a secret and tell whether it was there."""
        return _KEPT.pop((self._realm, name), None) is not None

    def names(self) -> tuple[str, ...]:
        """Return the names in order."""
        return tuple(sorted([name for realm, name in _KEPT if realm == self._realm]))

    def describe(self) -> str:
        """Say where that is."""
        return "the memory of this process"
