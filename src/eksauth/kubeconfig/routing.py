"""Which file each operation goes to, by kubectl's rules.

An existing entry is changed in the file that defines it; a new one, and current-context, go to the first file that
exists (client-go ``ModifyConfig``). What refers to a renamed entry is changed in every file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from eksauth.errors import ConfigError
from eksauth.kubeconfig.document import BODY_KEYS
from eksauth.kubeconfig.operations import (
    Operation,
    RemoveEntry,
    RenameEntry,
    RenameReferences,
    SetCurrentContext,
    SetEntry,
    SetField,
    UnsetCurrentContext,
    UnsetField,
)
from eksauth.kubeconfig.paths import default_target
from eksauth.kubeconfig.resolve import Merged


@dataclass(frozen=True, slots=True)
class InFile:
    """An operation for one particular file, which must be among those that are locked."""

    path: Path
    operation: Operation

    def describe(self) -> str:
        """Return the change in a few words."""
        return self.operation.describe()


Change = Operation | InFile


def route(merged: Merged, changes: Iterable[Change], *, new_entries: Path | None = None) -> dict[Path, list[Operation]]:
    """Return the operations of each file, in the order given.

    :param new_entries: the file for entries that do not exist yet; kubectl's choice when None.
    :raises ConfigError: when there is no file to write to, or a new name is taken already.
    """
    router = _Router(merged, new_entries)
    for change in changes:
        router.add(change)
    return router.routed


class _Router:
    def __init__(self, merged: Merged, new_entries: Path | None) -> None:
        self._merged = merged
        self._existing = {document.path for document in merged.documents}
        self._new_entries = new_entries
        self._placed: dict[tuple[str, str], Path] = {}
        self._gone: set[tuple[str, str]] = set()
        self.routed: dict[Path, list[Operation]] = {}

    def add(self, change: Change) -> None:
        if isinstance(change, InFile):
            self._put(change.path, change.operation)
        elif isinstance(change, RenameEntry):
            self._rename(change)
        elif isinstance(change, SetEntry):
            path = self._home(change.section, change.name) or self._new_entries or self._default()
            self._placed[change.section, change.name] = path
            self._put(path, change)
        elif isinstance(change, (RemoveEntry, SetField, UnsetField)):
            self._put(self._home(change.section, change.name) or self._default(), change)
            if isinstance(change, RemoveEntry):
                self._placed.pop((change.section, change.name), None)
                self._gone.add((change.section, change.name))
        elif isinstance(change, UnsetCurrentContext):
            giving = [document.path for document in self._merged.documents if document.current_context]
            for path in giving if change.everywhere else giving[:1]:
                self._put(path, change)
        elif isinstance(change, SetCurrentContext):
            self._put(self._default(), change)
        else:
            self._put(self._new_entries or self._default(), change)

    def _put(self, path: Path, operation: Operation) -> None:
        self.routed.setdefault(path, []).append(operation)

    def _default(self) -> Path:
        return default_target(self._merged.files, self._existing.__contains__)

    def _home(self, section: str, name: str) -> Path | None:
        """Return the file that defines an entry."""
        placed = self._placed.get((section, name))
        if placed is not None or (section, name) in self._gone:
            return placed
        found = self._merged.section(section).get(name)
        return None if found is None else found.document.path

    def _rename(self, change: RenameEntry) -> None:
        if change.old != change.new and self._home(change.section, change.new) is not None:
            raise ConfigError(
                f'{BODY_KEYS[change.section]} "{change.new}" exists already',
                hint="remove it first, or choose another name",
                code="kubeconfig.exists",
            )
        home = self._home(change.section, change.old) or self._default()
        self._put(home, change)
        self._placed[change.section, change.new] = home
        self._gone.add((change.section, change.old))
        references = RenameReferences(change.section, change.old, change.new)
        current = self._merged.current_context
        for document in self._merged.documents:
            gives_current = current is not None and current.document is document
            if document.path != home and (change.section != "contexts" or gives_current):
                self._put(document.path, references)
