"""Giving a context, cluster or user another name in all files, together with everything that refers to it; pure."""

from __future__ import annotations

from difflib import get_close_matches

from eksauth.errors import ConfigError, UsageError
from eksauth.kubeconfig.document import BODY_KEYS
from eksauth.kubeconfig.operations import RenameEntry, RenameReferences
from eksauth.kubeconfig.resolve import Merged
from eksauth.kubeconfig.routing import Change, InFile


def plan_rename(merged: Merged, section: str, old: str, new: str) -> list[Change]:
    """Return the changes that rename an entry.

    Entries of the old name that are hidden in later files are renamed too, so that they stay hidden: kubectl renames
    the first, and the next one appears in its place.

    :raises UsageError: for an empty new name.
    :raises ConfigError: ``kubeconfig.missing`` or ``kubeconfig.exists``.
    """
    kind, existing = BODY_KEYS[section], merged.section(section)
    if not new.strip():
        raise UsageError(f"the new name of {kind} {old} is empty", hint="give a name with letters in it")
    if old not in existing:
        near = get_close_matches(old, list(existing), 1)
        hint = f'did you mean "{near[0]}"' if near else f"see: eksauth kubeconfig view --explain (looking for a {kind})"
        raise ConfigError(f'no {kind} is called "{old}"', hint=hint, code="kubeconfig.missing")
    if old != new and new in existing:
        raise ConfigError(
            f'{kind} "{new}" exists already, in {existing[new].place}',
            hint="remove it first, or choose another name",
            code="kubeconfig.exists",
        )
    changes: list[Change] = []
    for document in merged.documents:
        if document.entry(section, old) is not None:
            changes.append(InFile(document.path, RenameEntry(section, old, new)))
        elif document.sections["contexts"] or document.current_context:
            changes.append(InFile(document.path, RenameReferences(section, old, new)))
    return changes
