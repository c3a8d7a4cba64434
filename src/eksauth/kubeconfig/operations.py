"""What can be done to a kubeconfig: each change a value, applied to a document's tree without touching the old one.

Existing entries keep what a change does not speak of: the namespace, a proxy, extensions, extra variables of the exec
plugin. A path is a tuple of keys; inside a list of named items (``env``, ``extensions``) a step is an item's name.
"""

from __future__ import annotations

from collections.abc import Mapping as Map
from dataclasses import dataclass, field
from typing import Any, Protocol

from eksauth.errors import ConfigError
from eksauth.kubeconfig import entries
from eksauth.kubeconfig.document import BODY_KEYS
from eksauth.kubeconfig.tree import plain_copy

FieldPath = tuple[str, ...]
Tree = dict[str, Any]


class Operation(Protocol):
    """A change of one document."""

    def apply(self, top: Tree) -> Tree:
        """Return the changed tree; parts that stay are the same objects.

        :raises ConfigError: when the change makes no sense for this document.
        """
        ...  # pragma: no cover

    def describe(self) -> str:
        """Return the change in a few words, without any secret."""
        ...  # pragma: no cover


@dataclass(frozen=True, slots=True)
class SetEntry:
    """Make an entry say at least ``body``; without ``merge`` exactly that.

    :ivar section: ``clusters``, ``contexts`` or ``users``.
    :ivar body: what stands below ``cluster``, ``context`` or ``user``; None is null.
    :ivar keep: paths where a value that is already there wins over ``body``.
    :ivar remove: paths that go, such as a ``token`` that would hide an exec plugin.
    """

    section: str
    name: str
    body: Map[str, Any] = field(repr=False)
    keep: tuple[FieldPath, ...] = ()
    remove: tuple[FieldPath, ...] = ()
    merge: bool = True

    def apply(self, top: Tree) -> Tree:
        """Return the changed tree."""
        body = entries.in_order(plain_copy(self.body))
        items = entries.items_of(top, self.section)
        index = entries.index_of(items, self.name)
        if index is None:
            new = entries.new_item(top, self.section, self.name, entries.without_all(body, self.remove))
            return {**top, self.section: [*items, new]}
        key = BODY_KEYS[self.section]
        old = entries.body_of(items[index], key)
        merged = entries.merged(old, body, keep=self.keep) if self.merge else body
        merged = entries.without_all(merged, self.remove)
        return entries.with_body(top, self.section, index, merged)

    def describe(self) -> str:
        """Return the change in a few words."""
        return f"set {BODY_KEYS[self.section]} {self.name}"


@dataclass(frozen=True, slots=True)
class RemoveEntry:
    """Take an entry out. What refers to it stays as it is.

    :ivar missing_ok: whether nothing happens, instead of an error, when there is no such entry.
    """

    section: str
    name: str
    missing_ok: bool = False

    def apply(self, top: Tree) -> Tree:
        """Return the changed tree."""
        items = entries.items_of(top, self.section)
        index = entries.index_of(items, self.name)
        if index is None:
            if self.missing_ok:
                return top
            raise entries.no_such_entry(self.section, self.name)
        return {**top, self.section: items[:index] + items[index + 1 :]}

    def describe(self) -> str:
        """Return the change in a few words."""
        return f"remove {BODY_KEYS[self.section]} {self.name}"


@dataclass(frozen=True, slots=True)
class RenameEntry:
    """Give an entry another name, and change what refers to it in the same file."""

    section: str
    old: str
    new: str

    def apply(self, top: Tree) -> Tree:
        """Return the changed tree."""
        items = entries.items_of(top, self.section)
        index = entries.index_of(items, self.old)
        if index is None:
            raise entries.no_such_entry(self.section, self.old)
        if self.old == self.new:
            return top
        if entries.index_of(items, self.new) is not None:
            raise ConfigError(
                f'{BODY_KEYS[self.section]} "{self.new}" exists already',
                hint="remove it first, or choose another name",
                code="kubeconfig.exists",
            )
        renamed = {**(items[index] or {}), "name": self.new}
        changed = {**top, self.section: [*items[:index], renamed, *items[index + 1 :]]}
        return RenameReferences(self.section, self.old, self.new).apply(changed)

    def describe(self) -> str:
        """Return the change in a few words."""
        return f"rename {BODY_KEYS[self.section]} {self.old} to {self.new}"


@dataclass(frozen=True, slots=True)
class RenameReferences:
    """Change what refers to an entry that another file has: contexts, or current-context."""

    section: str
    old: str
    new: str

    def apply(self, top: Tree) -> Tree:
        """Return the changed tree."""
        if self.section == "contexts":
            return {**top, "current-context": self.new} if top.get("current-context") == self.old else top
        key = BODY_KEYS[self.section]
        for index, item in enumerate(entries.items_of(top, "contexts")):
            body = entries.body_of(item, "context")
            if isinstance(body, dict) and body.get(key) == self.old:
                top = entries.with_body(top, "contexts", index, {**body, key: self.new})
        return top

    def describe(self) -> str:
        """Return the change in a few words."""
        return f"refer to {BODY_KEYS[self.section]} {self.new} instead of {self.old}"


@dataclass(frozen=True, slots=True)
class SetCurrentContext:
    """Make a context the current one; whether it exists is not looked at."""

    name: str

    def apply(self, top: Tree) -> Tree:
        """Return the changed tree."""
        return {**top, "current-context": self.name}

    def describe(self) -> str:
        """Return the change in a few words."""
        return f"switch to context {self.name}"


@dataclass(frozen=True, slots=True)
class UnsetCurrentContext:
    """Make no context the current one: the key stays, with an empty value.

    :ivar everywhere: in every file; otherwise, as kubectl does it, only in the first file that sets one, so that
        another file's value may take over.
    """

    everywhere: bool = False

    def apply(self, top: Tree) -> Tree:
        """Return the changed tree."""
        return {**top, "current-context": ""} if top.get("current-context") else top

    def describe(self) -> str:
        """Return the change in a few words."""
        return "unset the current context"


@dataclass(frozen=True, slots=True)
class SetField:
    """Set one value of an existing entry, such as ``("namespace",)`` of a context."""

    section: str
    name: str
    path: FieldPath
    value: Any = field(repr=False)

    def apply(self, top: Tree) -> Tree:
        """Return the changed tree."""
        index, body = entries.find_body(top, self.section, self.name)
        value = entries.in_order(plain_copy(self.value))
        return entries.with_body(top, self.section, index, entries.with_value(body, self.path, value))

    def describe(self) -> str:
        """Return the change in a few words."""
        return f"set {'.'.join(self.path)} of {BODY_KEYS[self.section]} {self.name}"


@dataclass(frozen=True, slots=True)
class UnsetField:
    """Take one value out of an existing entry; nothing happens when it is not there."""

    section: str
    name: str
    path: FieldPath

    def apply(self, top: Tree) -> Tree:
        """Return the changed tree."""
        index, body = entries.find_body(top, self.section, self.name)
        return entries.with_body(top, self.section, index, entries.without(body, self.path))

    def describe(self) -> str:
        """Return the change in a few words."""
        return f"unset {'.'.join(self.path)} of {BODY_KEYS[self.section]} {self.name}"
