"""What the backends on custom resources have in common: age, and the fields of an object as text to be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

import msgspec
import yaml

from eksauth.authenticator.backends.cluster.kube_api import Object
from eksauth.errors import ConfigError
from eksauth.yaml_source.nodes import YamlFile, is_null

P = TypeVar("P")


class ReadOnce(Generic[P]):
    """Reads objects, each version of one only once; objects that are gone are forgotten.

    :param read: of one object; must not fail.
    """

    def __init__(self, read: Callable[[Object], P]) -> None:
        self._read = read
        self._known: dict[tuple[str, str, str], P] = {}

    def all(self, objects: Iterable[Object]) -> list[tuple[str, P]]:
        """Return name and reading of each object, the oldest first; of the same age by name."""
        known = {}
        found = []
        for item in sorted(objects, key=_age):
            metadata = item["metadata"]
            name = str(metadata["name"])
            key = (name, str(metadata.get("uid")), str(metadata.get("resourceVersion")))
            reading = self._known[key] if key in self._known else self._read(item)
            known[key] = reading
            found.append((name, reading))
        self._known = known
        return found


def _age(item: Object) -> tuple[str, str]:
    metadata = item["metadata"]
    return str(metadata.get("creationTimestamp") or ""), str(metadata["name"])


def as_yaml(value: object, name: str) -> tuple[YamlFile, yaml.Node]:
    """Return a value of JSON for the readers of mappings, which read YAML, and its root.

    :param name: of the object; it begins every message.
    :raises ConfigError: when it is empty, or holds letters that YAML cannot have.
    """
    try:
        text = msgspec.json.encode(value).decode()
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise ConfigError(f"{name}: the object is not as it must be") from None
    file = YamlFile(text, name)
    if file.root is None or is_null(file.root):
        raise ConfigError(f"{name}: the object has no spec")
    return file, file.root
