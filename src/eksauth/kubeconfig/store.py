"""The transaction that every kubeconfig command goes through.

Queue among ourselves, take kubectl's locks, read, decide, edit, check, back up, write, unlock. Everything is decided on
what was read under the lock.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from eksauth.errors import ConfigError, EksauthError
from eksauth.kubeconfig import rivals, snapshot
from eksauth.kubeconfig.document import Document, parse_document
from eksauth.kubeconfig.edit import Edited, edit
from eksauth.kubeconfig.links import make_parent, resolve_target
from eksauth.kubeconfig.lock import Locks
from eksauth.kubeconfig.outcome import FileChange, Outcome
from eksauth.kubeconfig.paths import Files, default_target
from eksauth.kubeconfig.queue import Queue
from eksauth.kubeconfig.resolve import Merged, merge
from eksauth.kubeconfig.routing import Change, route
from eksauth.kubeconfig.session import Settings, again_if_changed, holding
from eksauth.kubeconfig.snapshot import Keeper, Snapshot
from eksauth.kubeconfig.state import state_directory
from eksauth.kubeconfig.tree import Values

Decide = Callable[[Merged], Sequence[Change]]
_LONGEST_REASON = 300


def apply(
    files: Files,
    changes: Sequence[Change] | Decide,
    *,
    dry_run: bool = False,
    reason: str = "",
    new_entries: Path | None = None,
    also: Sequence[Path] = (),
    settings: Settings = Settings(),  # noqa: B008  frozen
    environ: Mapping[str, str] = os.environ,
) -> Outcome:
    """Change kubeconfigs.

    :param files: which files there are, from :func:`eksauth.kubeconfig.paths.kubeconfig_files`.
    :param changes: operations, or a function that makes them from the merged view. The function is called with the
        locks held, so it should not wait for anything, and again when a file was changed meanwhile.
    :param dry_run: take no lock and write nothing; the outcome tells what would be done.
    :param reason: what is being done, for ``undo --list``; made from the operations when empty.
    :param new_entries: the file for new entries; kubectl's choice when None.
    :param also: further files that :class:`~eksauth.kubeconfig.routing.InFile` changes name.
    :raises ConfigError: for files that cannot be locked, read, parsed or written, and for changes that make no sense;
        nothing was written then.
    :raises EksauthError: ``kubeconfig.selfcheck`` for an edit that would not mean what it should; nothing was written.
    """
    further = [path for path in (*also, *([new_entries] if new_entries else [])) if path not in files.paths]
    job = _Job(files, tuple(further), changes, new_entries, reason, settings, environ)
    if dry_run:
        plan = again_if_changed(lambda: job.plan(Locks()))
        return Outcome(tuple(_change(*step) for step in plan.edits if step[1].changed), dry_run=True)
    done = again_if_changed(job.run)
    warnings, rounds, repeated = list(done.warnings), 1, done
    while repeated.rival and repeated.written and settings.settle and rounds < rivals.MAX_ROUNDS:
        time.sleep(settings.settle)
        repeated = again_if_changed(job.repair)
        warnings += repeated.warnings
        rounds += repeated.written
    return Outcome(tuple(done.changes), tuple(dict.fromkeys(warnings)), rounds=rounds)


@dataclass(slots=True)
class _Plan:
    operations: list[Change]
    edits: list[tuple[Snapshot, Edited]]


@dataclass(slots=True)
class _Done:
    changes: list[FileChange] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    rival: bool = False

    @property
    def written(self) -> bool:
        return bool(self.changes)


@dataclass(slots=True)
class _Job:
    files: Files
    further: tuple[Path, ...]
    changes: Sequence[Change] | Decide
    new_entries: Path | None
    reason: str
    settings: Settings
    environ: Mapping[str, str]
    made: _Plan | None = None

    def run(self) -> _Done:
        """Make the changes."""
        self._make_directories()
        with holding([*self.files.paths, *self.further], self.settings, self.environ) as (queue, locks):
            self.made = self.plan(locks)
            return self._write(self.made, queue, locks)

    def repair(self) -> _Done:
        """Make the changes once more if another program undid them."""
        with holding([*self.files.paths, *self.further], self.settings, self.environ) as (queue, locks):
            documents = {path: document for path, (_, document) in self._read().items()}
            if self.made is None or not any(
                _was_undone(edited, documents[shot.path]) for shot, edited in self.made.edits
            ):
                return _Done()
            try:
                plan = self.plan(locks, self.made.operations)
            except ConfigError as error:
                if error.code in {"kubeconfig.missing", "kubeconfig.exists"}:  # it holds already, or is decided anew
                    return _Done()
                raise
            return self._write(plan, queue, locks)

    def plan(self, locks: Locks, operations: Sequence[Change] | None = None) -> _Plan:
        """Read the files and work out what they shall be."""
        read = self._read()
        listed = [read[path] for path in self.files.paths]
        merged = merge(
            self.files,
            [document for shot, document in listed if shot.content is not None],
            tuple(shot.path for shot, _ in listed if shot.content is None),
        )
        if operations is None:
            operations = self.changes(merged) if callable(self.changes) else self.changes
        plan = _Plan(list(operations), [])
        for path, own in route(merged, operations, new_entries=self.new_entries).items():
            if path not in read:
                raise EksauthError(f"{path} would be written without its lock", code="kubeconfig.unlocked")
            shot, document = read[path]
            edited = edit(document, own)
            if edited.changed and path in locks.unlockable:
                raise ConfigError(
                    f"cannot write {path}: no lock can be made beside it: {locks.unlockable[path]}",
                    hint=f"check who may write to {path.parent}",
                    code="kubeconfig.unlockable",
                )
            plan.edits.append((shot, edited))
        return plan

    def _read(self) -> dict[Path, tuple[Snapshot, Document]]:
        shots = [snapshot.take(path) for path in dict.fromkeys([*self.files.paths, *self.further])]
        return {shot.path: (shot, parse_document(shot.content or b"", shot.path)) for shot in shots}

    def _make_directories(self) -> None:
        """Make the directories that a lock needs before a first file can be written."""
        paths = list(self.further)
        if self.files.paths and not any(path.exists() for path in self.files.paths):
            paths.append(self.new_entries or default_target(self.files))
        for path in paths:
            make_parent(path)
            make_parent(resolve_target(path))

    def _write(self, plan: _Plan, queue: Queue, locks: Locks) -> _Done:
        done = _Done(warnings=list(locks.warnings), rival=locks.rival_seen)
        reason = self.reason or "; ".join(operation.describe() for operation in plan.operations)
        keeper = Keeper(
            state_directory(self.environ),
            reason[:_LONGEST_REASON],
            time.time(),
            fix_permissions=self.settings.fix_permissions,
        )
        for shot, edited in plan.edits:
            known = queue.recall(shot.target)
            done.rival |= rivals.is_active(shot.state, shot.content, known, now=keeper.now)
            if edited.changed:
                change = _change(shot, edited)
                try:
                    written = keeper.replace(shot, edited.encode(), done.warnings)
                except BaseException:
                    _take_back(done, keeper)
                    raise
                done.changes.append(replace(change, in_place=written.in_place))
                sign = keeper.now if done.rival else known.get("rival")
                queue.remember(shot.target, {"stamp": list(written.state.identity or ()), "rival": sign})
            elif self.settings.fix_permissions:
                snapshot.make_private(shot)
            warning = snapshot.permission_warning(shot)
            if warning is not None:
                done.warnings.append(warning)
        if done.rival and done.written and self.settings.settle:
            time.sleep(rivals.LINGER_SECONDS)
        return done


def _change(shot: Snapshot, edited: Edited) -> FileChange:
    return FileChange(shot.path, shot.target, shot.content, edited.encode())


def _was_undone(edited: Edited, document: Document) -> bool:
    now = Values().of(document.root) if document.root is not None else {}
    return rivals.was_undone(*(rivals.units(tree) for tree in (edited.before, edited.after, now)))


def _take_back(done: _Done, keeper: Keeper) -> None:
    """Undo the files of a transaction that failed at a later one."""
    for change in reversed(done.changes):
        with suppress(Exception):
            if change.before is None:
                change.target.unlink()
            else:
                keeper.replace(snapshot.take(change.path), change.before, [])
    done.changes.clear()
