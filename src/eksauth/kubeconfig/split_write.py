"""Writing the parts of a split kubeconfig: all of them or none, private, and nothing overwritten unasked."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from eksauth.errors import ConfigError
from eksauth.kubeconfig import snapshot
from eksauth.kubeconfig.links import make_parent
from eksauth.kubeconfig.outcome import FileChange, Outcome
from eksauth.kubeconfig.session import Settings, again_if_changed, holding
from eksauth.kubeconfig.snapshot import Keeper, Snapshot
from eksauth.kubeconfig.split import Part
from eksauth.kubeconfig.state import state_directory


def write_parts(
    parts: Sequence[Part],
    *,
    force: bool = False,
    dry_run: bool = False,
    now: float,
    environ: Mapping[str, str] = os.environ,
) -> Outcome:
    """Write the files, mode 0600, in directories of mode 0700 where these have to be made.

    :param force: replace files that exist, which are kept for ``undo``; their modes become private.
    :param now: epoch seconds.
    :raises ConfigError: ``kubeconfig.exists`` when a file is there with another content, and whatever writing raises;
        nothing was written in the first case.
    """

    def plan() -> list[tuple[Part, Snapshot]]:
        shots = [(part, snapshot.take(part.path)) for part in parts]
        taken = [shot.path for part, shot in shots if shot.content != part.text.encode() and _is_there(shot)]
        if taken and not force:
            more = f" and {len(taken) - 1} more" if len(taken) > 1 else ""
            raise ConfigError(
                f"{taken[0]} exists already{more}; nothing was written",
                hint="replace them with --force, or choose another --dir",
                code="kubeconfig.exists",
            )
        return [(part, shot) for part, shot in shots if shot.content is None or shot.content != part.text.encode()]

    if dry_run:
        return Outcome(tuple(_change(part, shot) for part, shot in again_if_changed(plan)), dry_run=True)

    def work() -> Outcome:
        settings = Settings(fix_permissions=True)
        with holding([part.path for part in parts], settings, environ) as (_, locks):
            warnings = list(locks.warnings)
            keeper = Keeper(state_directory(environ), "split", now, fix_permissions=True)
            changes = []
            for part, shot in plan():
                keeper.replace(shot, part.text.encode(), warnings)
                changes.append(_change(part, shot))
            return Outcome(tuple(changes), tuple(warnings))

    again_if_changed(plan)  # refuse before a directory is made
    for parent in sorted({part.path.parent for part in parts}):
        make_parent(parent / "any")
    return again_if_changed(work)


def _is_there(shot: Snapshot) -> bool:
    """Tell whether the name is taken; a link that leads nowhere would have a file made somewhere else."""
    return shot.content is not None or shot.path.is_symlink()


def _change(part: Part, shot: Snapshot) -> FileChange:
    return FileChange(shot.path, shot.target, shot.content, part.text.encode())
