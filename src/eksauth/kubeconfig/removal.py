"""Taking contexts, clusters and users out of all files, together with what nothing else uses; pure.

An entry goes from every file that has one of its name: kubectl takes out the first, and the one behind it comes back.
Current-context never stays behind pointing at nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from shlex import quote

from eksauth.errors import ConfigError
from eksauth.kubeconfig.document import BODY_KEYS, SECTIONS, Entry
from eksauth.kubeconfig.model import Context
from eksauth.kubeconfig.operations import RemoveEntry, UnsetCurrentContext
from eksauth.kubeconfig.resolve import Merged
from eksauth.kubeconfig.routing import Change, InFile

Key = tuple[str, str]
"""Section and name."""


@dataclass(frozen=True, slots=True)
class Removed:
    """One name that goes.

    :ivar files: every file that has it.
    :ivar why: why it goes although nobody named it; empty when somebody did.
    """

    section: str
    name: str
    files: tuple[Path, ...]
    why: str = ""

    @property
    def what(self) -> str:
        """The entry as people know it."""
        return f'{BODY_KEYS[self.section]} "{self.name}"'


@dataclass(frozen=True, slots=True)
class Removal:
    """What goes, and what that does.

    :ivar dangling: contexts that stay although their cluster or user goes.
    :ivar unset_current: files whose current-context is unset.
    :ivar next_current: the context that becomes current instead, from a later file; None when none does.
    """

    removed: tuple[Removed, ...]
    dangling: tuple[str, ...]
    unset_current: tuple[Path, ...]
    next_current: str | None
    changes: tuple[Change, ...]

    @property
    def contexts(self) -> list[str]:
        """The contexts that go or lose their cluster or user."""
        return [*(entry.name for entry in self.removed if entry.section == "contexts"), *self.dangling]


def plan_removal(
    merged: Merged,
    wanted: list[Key],
    *,
    keep_orphans: bool = False,
    mine: Callable[[Entry], bool] = lambda _entry: True,
) -> Removal:
    """Return what removing the ``wanted`` entries means.

    Contexts that use a removed cluster or user go as well, then clusters and users that only removed contexts used.

    :param keep_orphans: remove just what is named; contexts may be left dangling.
    :param mine: tells which entries may be touched; those of the same name in other files may be somebody else's.
    :raises ConfigError: ``kubeconfig.missing`` when one of them does not exist.
    """
    for section, name in wanted:
        if name not in merged.section(section):
            raise _missing(merged, section, name)
    why: dict[Key, str] = dict.fromkeys(wanted, "")
    contexts = list(_contexts(merged))
    if not keep_orphans:
        for entry, value in contexts:
            for key in _references(value):
                if key in why and not why[key]:
                    why.setdefault(("contexts", entry.name), f"it uses {BODY_KEYS[key[0]]} {key[1]}")
        for key in _orphans(merged, contexts, why):
            why[key] = "nothing else uses it"
    removed = tuple(
        Removed(section, name, tuple(_files(merged, section, name, mine)), reason)
        for section in ("contexts", "clusters", "users")
        for (kind, name), reason in why.items()
        if kind == section
    )
    gone = {name for section, name in why if section == "contexts"}
    unset = tuple(document.path for document in merged.documents if document.current_context in gone)
    current = [document.current_context for document in merged.documents if document.current_context]
    left = [name for name in current if name not in gone]
    changes: list[Change] = [
        InFile(path, RemoveEntry(entry.section, entry.name)) for entry in removed for path in entry.files
    ]
    changes += [InFile(path, UnsetCurrentContext()) for path in unset]
    dangling = sorted(
        {
            entry.name
            for entry, value in contexts
            if entry.name not in gone and any(key in why for key in _references(value))
        }
    )
    return Removal(removed, tuple(dangling), unset, left[0] if unset and left else None, tuple(changes))


def _orphans(merged: Merged, contexts: list[tuple[Entry, Context]], gone: dict[Key, str]) -> list[Key]:
    """Return what removed contexts use and no other does; contexts that are hidden in later files count as well."""
    before: dict[Key, None] = {}
    still: set[Key] = set()
    for entry, value in contexts:
        if ("contexts", entry.name) in gone:
            before.update(dict.fromkeys(_references(value)))
        else:
            still.update(_references(value))
    return [key for key in before if key not in still and key not in gone and key[1] in merged.section(key[0])]


def _contexts(merged: Merged) -> Iterator[tuple[Entry, Context]]:
    for document in merged.documents:
        for entry in document.sections["contexts"]:
            if isinstance(entry.value, Context):
                yield entry, entry.value


def _references(context: Context) -> tuple[Key, Key]:
    return ("clusters", context.cluster), ("users", context.user)


def _files(merged: Merged, section: str, name: str, mine: Callable[[Entry], bool]) -> Iterator[Path]:
    for document in merged.documents:
        entry = document.entry(section, name)
        if entry is not None and mine(entry):
            yield document.path


def _missing(merged: Merged, section: str, name: str) -> ConfigError:
    kind = BODY_KEYS[section]
    near = get_close_matches(name, list(merged.section(section)), 1)
    elsewhere = [BODY_KEYS[other] for other in SECTIONS if other != section and name in merged.section(other)]
    hint = f"see: eksauth kubeconfig view --explain (looking for a {kind})"
    if near:
        hint = f'did you mean "{near[0]}"'
    elif elsewhere:
        hint = f"there is a {elsewhere[0]} of that name: --{elsewhere[0]} {quote(name)}".replace("--context ", "")
    return ConfigError(f'no {kind} is called "{name}"; nothing was removed', hint=hint, code="kubeconfig.missing")
