"""Adding many entries to a document in one go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from eksauth.errors import ConfigError
from eksauth.kubeconfig import entries
from eksauth.kubeconfig.document import BODY_KEYS
from eksauth.kubeconfig.operations import Tree


@dataclass(frozen=True, slots=True)
class InsertEntries:
    """Append whole list items to a section; setting them one by one takes time that grows with the square.

    :ivar items: values of a document's tree: ``{"name": …, "cluster": {…}}``, unknown keys included.
    """

    section: str
    items: Sequence[Mapping[str, Any]] = field(repr=False)

    def apply(self, top: Tree) -> Tree:
        """Return the changed tree.

        :raises ConfigError: ``kubeconfig.exists`` when a name is there already.
        """
        if not self.items:
            return top
        old = entries.items_of(top, self.section)
        names = {(item.get("name") or "") if isinstance(item, dict) else "" for item in old}
        for item in self.items:
            if item["name"] in names:
                raise ConfigError(
                    f'{BODY_KEYS[self.section]} "{item["name"]}" exists already', code="kubeconfig.exists"
                )
            names.add(item["name"])
        return {**top, self.section: [*old, *map(dict, self.items)]}

    def describe(self) -> str:
        """Return the change in a few words."""
        return f"add {len(self.items)} {self.section}"


@dataclass(frozen=True, slots=True)
class SetTop:
    """Set a top key such as ``extensions`` to a value of a document's tree, where it has none."""

    key: str
    value: Any = field(repr=False)

    def apply(self, top: Tree) -> Tree:
        """Return the changed tree."""
        return top if top.get(self.key) else {**top, self.key: self.value}

    def describe(self) -> str:
        """Return the change in a few words."""
        return f"set {self.key}"
