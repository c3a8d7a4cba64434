"""The kubeconfig entries that logins wrote: found by their mark, taken out again without touching anybody else's.

The mark names identity, configuration and realm. An entry that a person renamed keeps it; a context that a person made
on one of our clusters or users keeps these in the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from eksauth.credentials.config.model import AuthConfig, Identity
from eksauth.kubeconfig import store
from eksauth.kubeconfig.document import Entry
from eksauth.kubeconfig.guard import is_protected
from eksauth.kubeconfig.owner import Owner, owner_of
from eksauth.kubeconfig.paths import Files, Origin, kubeconfig_files
from eksauth.kubeconfig.removal import Key, Removal, Removed, plan_removal
from eksauth.kubeconfig.resolve import Merged, load_merged
from eksauth.kubeconfig.routing import Change
from eksauth.login.kubeconfigs.provision import check_regular, exec_identity

Mine = Callable[[Owner], bool]
"""Tells whether an entry with this mark is meant."""


@dataclass(frozen=True, slots=True)
class Cleared:
    """What went from one set of files, and what stays.

    :ivar removed: entries that are gone, or would go.
    :ivar protected: contexts of ours that stay because they are protected.
    :ivar kept: why other entries of ours stay; one line each.
    :ivar unset_current: files whose current-context is unset.
    :ivar files: that were written, or would be.
    """

    removed: tuple[Removed, ...] = ()
    protected: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    unset_current: tuple[Path, ...] = ()
    files: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()


def entries_of(config: AuthConfig, identities: Iterable[Identity] | None) -> Mine:
    """Return the test for entries of these identities; None means every identity that the configuration ever had."""
    paths = None if identities is None else {exec_identity(config, each).path().lower() for each in identities}

    def mine(owner: Owner) -> bool:
        if (owner.config, owner.realm) != (config.path or "", config.realm) or not owner.identity:
            return False
        return paths is None or owner.identity.lower() in paths

    return mine


def places(config: AuthConfig, environ: Mapping[str, str]) -> list[Files]:
    """Return where entries may be: the files of integrations, each by itself, and where kubectl looks.

    What is not there is left out: locking it would make its directories, wherever the configuration says.
    """
    usual = kubeconfig_files(environ)
    named = [Path(each.kubeconfig) for each in config.integrations.values() if each.kubeconfig]
    apart = [Files((path,), Origin.FLAG) for path in dict.fromkeys(named) if path not in usual.paths]
    return [files for files in (usual, *apart) if any(map(_may_be_there, files.paths))]


def _may_be_there(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # reading it will say what is wrong
        return True
    return True


def clear(
    files: Files, mine: Mine, *, environ: Mapping[str, str], reason: str, dry_run: bool = False, yes: bool = False
) -> Cleared:
    """Take out the entries that are meant, and cluster entries of ours that nothing uses afterwards.

    :param yes: protected contexts go as well.
    :raises ConfigError: when a file cannot be read, locked or written; it is unchanged then.
    """
    check_regular(files)
    planned: list[tuple[Removal, list[str], list[str]]] = []

    def decide(merged: Merged) -> list[Change]:
        protected = [] if yes else [name for name in _contexts(merged, mine) if _protected(merged, name)]
        removal, kept = _plan(merged, mine, set(protected))
        planned.append((removal, protected, kept))
        return list(removal.changes)

    outcome = store.apply(files, decide, dry_run=dry_run, reason=reason, environ=environ)
    removal, protected, kept = planned[-1]
    return Cleared(
        removal.removed, tuple(protected), tuple(kept), removal.unset_current, outcome.files, outcome.warnings
    )


def left_in(files: Files, mine: Mine) -> list[str]:
    """Return the contexts and users of ours that are in the files, for people.

    :raises EksauthError: when they cannot be read.
    """
    check_regular(files)
    merged = load_merged(files)
    found = [f'context "{name}"' for name in _contexts(merged, mine)]
    return [*found, *[f'user "{name}"' for name in _users(merged, mine)]]


def _plan(merged: Merged, mine: Mine, protected: set[str]) -> tuple[Removal, list[str]]:
    contexts = {name for name in _contexts(merged, mine) if name not in protected}
    staying = [found for name, found in merged.contexts.items() if name not in contexts]
    users, kept = set(), []
    for name in _users(merged, mine):
        uses = [found.name for found in staying if found.value.user == name]
        if uses:
            kept.append(f'user "{name}" stays: context "{uses[0]}" uses it')
        else:
            users.add(name)
    gone = {merged.contexts[name].value.cluster for name in contexts}
    clusters = {
        name
        for name in gone
        if name in merged.clusters
        and _owner(merged.clusters[name].entry) is not None
        and all(found.value.cluster != name for found in staying)
    }
    wanted: list[Key] = [
        (section, name)
        for section, names in (("contexts", contexts), ("clusters", clusters), ("users", users))
        for name in sorted(names)
    ]
    removal = plan_removal(merged, wanted, keep_orphans=True, mine=lambda entry: _goes(entry, mine))
    return removal, kept


def _goes(entry: Entry, mine: Mine) -> bool:
    owner = _owner(entry)
    return owner is not None and (mine(owner) or not owner.identity)


def _contexts(merged: Merged, mine: Mine) -> list[str]:
    return [name for name, found in merged.contexts.items() if _is(found.entry, mine)]


def _users(merged: Merged, mine: Mine) -> list[str]:
    return [name for name, found in merged.users.items() if _is(found.entry, mine)]


def _is(entry: Entry | None, mine: Mine) -> bool:
    owner = _owner(entry)
    return owner is not None and mine(owner)


def _owner(entry: Entry | None) -> Owner | None:
    return None if entry is None else owner_of(entry.value.extensions)


def _protected(merged: Merged, name: str) -> bool:
    return is_protected(merged.contexts[name].value)
