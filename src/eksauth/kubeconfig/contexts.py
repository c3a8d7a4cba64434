"""Listing, choosing, renaming and deleting contexts.

Each change is one transaction and decided on what is read under its locks. Asking about protected contexts is the
caller's business: nobody waits for an answer with the locks held, so the caller names the ones that were agreed to.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from eksauth.errors import ConfigError, Refused, UsageError
from eksauth.kubeconfig.guard import ProtectedContext, is_protected
from eksauth.kubeconfig.links import resolve_target
from eksauth.kubeconfig.model import Context
from eksauth.kubeconfig.operations import RemoveEntry, RenameEntry, SetCurrentContext, UnsetCurrentContext
from eksauth.kubeconfig.outcome import Outcome
from eksauth.kubeconfig.owner import Owner, owner_of
from eksauth.kubeconfig.paths import Files, default_target
from eksauth.kubeconfig.previous import read_previous, remember_previous
from eksauth.kubeconfig.resolve import Found, Merged, load_merged
from eksauth.kubeconfig.routing import Change
from eksauth.kubeconfig.state import state_directory
from eksauth.kubeconfig.store import apply
from eksauth.kubeconfig.suggest import no_such_context


@dataclass(frozen=True, slots=True)
class ContextRow:
    """A context as lists and pickers show it; ``server`` is empty when its cluster is missing."""

    name: str
    cluster: str
    user: str
    namespace: str
    server: str
    current: bool
    protected: bool
    owner: Owner | None
    file: Path


@dataclass(frozen=True, slots=True)
class Switched:
    """A switch that was made.

    :ivar name: what is current now.
    :ivar before: what was; empty when nothing was.
    :ivar warnings: lines for people.
    """

    name: str
    before: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Deleted:
    """Contexts that are gone.

    :ivar orphans: clusters and users, as (section, name), that no context uses any more.
    :ivar removed_orphans: whether they are gone, too.
    :ivar was_current: the context that was current, when it is among the deleted ones.
    :ivar returned: names that are still there: a later file has an entry of the same name.
    """

    names: tuple[str, ...]
    orphans: tuple[tuple[str, str], ...]
    removed_orphans: bool
    was_current: str | None
    returned: tuple[str, ...]
    outcome: Outcome


def rows(merged: Merged, current: str | None = None) -> list[ContextRow]:
    """Return all contexts, sorted as kubectl sorts.

    :param current: what counts as current; the files' own value when None.
    """
    name = current_name(merged) if current is None else current
    return [_row(merged, found, current=found.name == name) for found in merged.contexts.values()]


def _row(merged: Merged, found: Found[Context], *, current: bool) -> ContextRow:
    context = found.value
    cluster = merged.clusters.get(context.cluster)
    return ContextRow(
        name=found.name,
        cluster=context.cluster,
        user=context.user,
        namespace=context.namespace,
        server=cluster.value.server if cluster else "",
        current=current,
        protected=is_protected(context),
        owner=owner_of(context.extensions),
        file=found.place.path,
    )


def current_name(merged: Merged) -> str:
    """Return the current context, existing or not; empty when none is set."""
    return merged.current_context.value if merged.current_context else ""


def home_of_current(merged: Merged) -> Path:
    """Return the file that current-context is written to, links resolved."""
    existing = {document.path for document in merged.documents}
    return resolve_target(default_target(merged.files, existing.__contains__))


def previous_context(merged: Merged, environ: Mapping[str, str]) -> str:
    """Return the context before the last switch.

    :raises Refused: when there is none.
    """
    name = read_previous(state_directory(environ), home_of_current(merged))
    if not name:
        raise Refused("there is no previous context", hint="eksauth remembers its own switches", code="ctx.no_previous")
    return name


def require_context(merged: Merged, name: str) -> Found[Context]:
    """Return a context.

    :raises ConfigError: when it does not exist; the hint names similar ones.
    """
    if name not in merged.contexts:
        raise no_such_context(name, list(merged.contexts))
    return merged.contexts[name]


def switch(
    files: Files, name: str, *, agreed: Collection[str] = (), environ: Mapping[str, str] = os.environ
) -> Switched:
    """Make a context the current one.

    :param name: a context; ``-`` means the one before.
    :param agreed: protected contexts that may be switched to.
    :raises ConfigError: when it does not exist.
    :raises Refused: when it became protected meanwhile, or there is no previous one.
    """
    seen: dict[str, str] = {}

    def decide(merged: Merged) -> Sequence[Change]:
        wanted = previous_context(merged, environ) if name == "-" else name
        context = require_context(merged, wanted)
        require_agreed(merged, [wanted], agreed)
        seen["name"], seen["before"] = context.name, current_name(merged)
        target = home_of_current(merged)
        seen["target"] = str(target)
        return [] if seen["before"] == wanted else [SetCurrentContext(wanted)]

    outcome = apply(files, decide, environ=environ)
    if outcome.changed:
        remember_previous(state_directory(environ), Path(seen["target"]), seen["before"])
    return Switched(seen["name"], seen["before"], outcome.warnings)


def require_agreed(merged: Merged, names: Sequence[str], agreed: Collection[str]) -> None:
    """Make sure that every protected context among ``names`` was agreed to.

    :raises ProtectedContext: naming the first that was not.
    """
    for name in names:
        if name not in agreed and name in merged.contexts and is_protected(merged.contexts[name].value):
            raise ProtectedContext(name)


def unset(files: Files, *, environ: Mapping[str, str] = os.environ) -> str:
    """Make no context the current one, in all files; return what was current, or nothing."""
    seen = {"before": "", "target": ""}

    def decide(merged: Merged) -> Sequence[Change]:
        seen["before"] = current_name(merged)
        if not seen["before"]:
            return []
        seen["target"] = str(home_of_current(merged))
        return [UnsetCurrentContext(everywhere=True)]

    if apply(files, decide, environ=environ).changed:
        remember_previous(state_directory(environ), Path(seen["target"]), seen["before"])
    return seen["before"]


def split_rename(merged: Merged, text: str) -> tuple[str, str] | None:
    """Return (new, old) of ``NEW=OLD``, or None when ``text`` is no such thing but a context's own name.

    Both names may contain ``=``; the split whose right side exists counts. ``.`` is the current context.

    :raises ConfigError: when no right side is a context.
    """
    if text in merged.contexts or "=" not in text:
        return None
    places = [at for at, letter in enumerate(text) if letter == "=" and at > 0]
    for at in places:
        if text[at + 1 :] in merged.contexts:
            return text[:at], text[at + 1 :]
    if text.endswith("=.") and len(text) > 2:
        return text[:-2], merged.context().name
    old = text.partition("=")[2]
    if not places or not old:
        raise UsageError(f"{text} is not NEW=OLD", hint="write: eksauth ctx NEW=OLD")
    raise no_such_context(old, list(merged.contexts))


def rename(
    files: Files, old: str, new: str, *, agreed: Collection[str] = (), environ: Mapping[str, str] = os.environ
) -> Outcome:
    """Give a context another name; current-context follows.

    :raises ConfigError: when ``old`` does not exist or ``new`` does.
    :raises Refused: when it is protected and not agreed to.
    """
    seen: dict[str, Path] = {}

    def decide(merged: Merged) -> Sequence[Change]:
        require_context(merged, old)
        require_agreed(merged, [old], agreed)
        seen["target"] = home_of_current(merged)
        return [RenameEntry("contexts", old, new)]

    outcome = apply(files, decide, environ=environ)
    state = state_directory(environ)
    if outcome.changed and read_previous(state, seen["target"]) == old:
        remember_previous(state, seen["target"], new)
    return outcome


def delete(
    files: Files,
    names: Sequence[str],
    *,
    orphans_too: bool = False,
    agreed: Collection[str] = (),
    environ: Mapping[str, str] = os.environ,
) -> Deleted:
    """Delete contexts, all or none; ``.`` is the current one. A current one is unset rather than left dangling.

    :param orphans_too: also delete the clusters and users that no context uses any more.
    :raises ConfigError: when one does not exist.
    :raises Refused: when one is protected and not agreed to.
    """
    seen: list[Deleted] = []

    def decide(merged: Merged) -> Sequence[Change]:
        wanted = list(dict.fromkeys(merged.context().name if name == "." else name for name in names))
        for name in wanted:
            require_context(merged, name)
        require_agreed(merged, wanted, agreed)
        returned = tuple(name for name in wanted if merged.contexts[name].shadowed)
        orphans = _orphans(merged, wanted)
        current = current_name(merged)
        changes: list[Change] = [RemoveEntry("contexts", name) for name in wanted]
        if orphans_too:
            changes += [RemoveEntry(section, name) for section, name in orphans]
        gone = current if current in wanted and current not in returned else None
        if gone:
            changes.append(UnsetCurrentContext(everywhere=True))
        seen[:] = [Deleted(tuple(wanted), orphans, orphans_too, gone, returned, Outcome())]
        return changes

    outcome = apply(files, decide, environ=environ)
    found = seen[0]
    return Deleted(found.names, found.orphans, found.removed_orphans, found.was_current, found.returned, outcome)


def _orphans(merged: Merged, deleted: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return the clusters and users that only the deleted contexts use, in any of the files."""
    gone = set(deleted)
    used: set[tuple[str, str]] = set()
    for document in merged.documents:
        for entry in document.sections["contexts"]:
            winner = merged.contexts[entry.name].document is document
            if entry.name in gone and winner:
                continue
            used |= {("clusters", entry.value.cluster), ("users", entry.value.user)}  # type: ignore[union-attr]
    found = []
    for name in deleted:
        context = merged.contexts[name].value
        for section, other in (("clusters", context.cluster), ("users", context.user)):
            if other and (section, other) not in used and other in merged.section(section):
                found.append((section, other))
    return tuple(dict.fromkeys(found))


def load(files: Files) -> Merged:
    """Read the files.

    :raises ConfigError: when one cannot be read or parsed.
    """
    if not files.paths:
        raise ConfigError(
            "KUBECONFIG names no file", hint="unset it to use ~/.kube/config, or pass --kubeconfig", code="kubeconfig"
        )
    return load_merged(files)
