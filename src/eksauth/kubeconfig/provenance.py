"""Where each part of a merged kubeconfig comes from, what it hides, and which file a change would go to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eksauth.kubeconfig.document import BODY_KEYS, SECTIONS
from eksauth.kubeconfig.paths import default_target
from eksauth.kubeconfig.resolve import Found, Merged, Place


@dataclass(frozen=True, slots=True)
class Origin:
    """One value of the merged view.

    :ivar kind: ``cluster``, ``context``, ``user``, ``current-context``, ``preferences``, ``extension``.
    :ivar place: the file and line that it comes from.
    :ivar shadowed: where later files say something under the same name, which has no effect.
    """

    kind: str
    name: str
    place: Place
    shadowed: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Provenance:
    """The origin of everything.

    :ivar asked_by: what named the files: ``--kubeconfig``, ``KUBECONFIG`` or ``default``.
    :ivar read: the files that were read, in order.
    :ivar missing: those that do not exist; kubectl skips them without a word.
    :ivar new_entries: the file that new entries and current-context are written to; None when there is none.
    """

    asked_by: str
    read: tuple[Path, ...]
    missing: tuple[Path, ...]
    new_entries: Path | None
    origins: tuple[Origin, ...]


def explain(merged: Merged, exists: Callable[[Path], bool] = Path.exists) -> Provenance:
    """Return the origin of every entry and setting, in the order of ``kubectl config view``."""
    origins = [_origin(BODY_KEYS[section], found) for section in SECTIONS for found in merged.section(section).values()]
    if merged.current_context is not None:
        found = merged.current_context
        origins.append(Origin("current-context", found.value, found.place, found.shadowed))
    if merged.colors is not None:
        origins.append(Origin("preferences", "colors", merged.colors.place, merged.colors.shadowed))
    for extensions, prefix in ((merged.preference_extensions, "preferences "), (merged.extensions, "")):
        origins += [_origin(f"{prefix}extension", found) for found in extensions.values()]
    return Provenance(
        merged.files.origin.value,
        tuple(document.path for document in merged.documents),
        merged.missing,
        default_target(merged.files, exists) if merged.files.paths else None,
        tuple(origins),
    )


def _origin(kind: str, found: Found[Any]) -> Origin:
    return Origin(kind, found.name, found.place, found.shadowed)
