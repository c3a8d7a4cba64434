"""What a section of the configuration says, key by key, with the places."""

from __future__ import annotations

from typing import Any

import yaml


class Values:
    """What a section says; a key that is missing, null or empty has the value None."""

    __slots__ = ("_found", "node")

    def __init__(self, node: yaml.Node | None = None) -> None:
        self.node = node
        self._found: dict[str, tuple[Any, yaml.Node]] = {}

    def put(self, name: str, value: Any, node: yaml.Node) -> None:
        """Add a key's value."""
        self._found[name] = (value, node)

    def get(self, name: str) -> Any:
        """Return a key's value, or None."""
        return self._found.get(name, (None, None))[0]

    def at(self, *path: str) -> Any:
        """Return a value in nested sections, or None."""
        found: Any = self
        for name in path:
            found = found.get(name) if isinstance(found, Values) else None
        return found

    def place_of(self, name: str) -> yaml.Node | None:
        """Return the node of a key's value; the section's own when it has none."""
        return self._found[name][1] if name in self._found else self.node
