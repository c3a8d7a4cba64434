"""Kubeconfig entries that follow identities: what a login writes for the clusters of its ``aws/eks`` integrations.

All files are written by the kubeconfig engine, each once for all clusters that go into it. An entry of somebody else is
never changed unless the integration says ``update: replace``; a cluster that cannot have its entries stops no other.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from eksauth.aws.cluster_info import ClusterInfo
from eksauth.credentials.config.model import AuthConfig, EksIntegration, Identity
from eksauth.errors import ConfigError, EksauthError
from eksauth.kubeconfig import store
from eksauth.kubeconfig.exec_entry import ExecIdentity
from eksauth.kubeconfig.guard import is_protected
from eksauth.kubeconfig.operations import SetCurrentContext
from eksauth.kubeconfig.outcome import Outcome
from eksauth.kubeconfig.paths import Files, Origin, kubeconfig_files
from eksauth.kubeconfig.resolve import Merged
from eksauth.kubeconfig.routing import Change
from eksauth.kubeconfig.update_plan import PlannedContext
from eksauth.login.kubeconfigs.clusters import Described
from eksauth.login.kubeconfigs.entry_plan import Writing, plan_entry

Action = Literal["added", "updated", "unchanged", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterEntry:
    """What became of one integration.

    :ivar context: name of the context, None when there is none.
    :ivar path: the file it is in.
    :ivar error: why there is none.
    """

    integration: EksIntegration
    identity: Identity
    action: Action
    cluster: ClusterInfo | None = None
    context: str | None = None
    path: Path | None = None
    error: EksauthError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioned:
    """What was written.

    :ivar entries: one for each integration, in their order.
    :ivar switched: contexts that were made current, by file.
    :ivar diff: what a dry run would change, secrets hidden.
    """

    entries: tuple[ClusterEntry, ...] = ()
    switched: Mapping[Path, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    diff: str = ""


def integrations_of(config: AuthConfig, identity: Identity) -> tuple[EksIntegration, ...]:
    """Return the integrations that a login as ``identity`` provides for, in the order of the file.

    Those of a provider are for every identity that starts at it, so they name none that an entry could act as.
    """
    names = {name.lower() for name in (identity.name, *identity.aliases)}
    return tuple(
        each
        for each in config.integrations.values()
        if each.auto_provision and (each.via_identity or "").lower() in names
    )


def exec_identity(config: AuthConfig, identity: Identity, *, cross_account: bool = False) -> ExecIdentity:
    """Return whom an entry acts as: ``identity`` as this very configuration means it."""
    return ExecIdentity(identity=identity.name, config=config.path, realm=config.realm, cross_account=cross_account)


def write_entries(
    config: AuthConfig,
    described: Sequence[Described],
    *,
    command: str,
    environ: Mapping[str, str],
    reason: str,
    switch: bool = True,
    dry_run: bool = False,
) -> Provisioned:
    """Write the entries of all clusters that were found.

    :param command: of the exec entries, see :mod:`eksauth.kubeconfig.command_path`.
    :param reason: for ``kubeconfig undo --list``.
    :param switch: whether a context that is new may become the current one where another is current already.
    """
    answers: dict[int, ClusterEntry] = {}
    groups: dict[str | None, list[tuple[int, Described]]] = {}
    for number, each in enumerate(described):
        if each.cluster is None:
            answers[number] = _failed(each, each.error)
        else:
            groups.setdefault(each.wanted.integration.kubeconfig, []).append((number, each))
    switched: dict[Path, str] = {}
    warnings: list[str] = []
    notes: list[str] = []
    diff = ""
    for path, group in groups.items():
        job = _Group(config, [each for _, each in group], command, switch=switch)
        files = Files((Path(path),), Origin.FLAG) if path else kubeconfig_files(environ)
        try:
            if path:
                _check_place(config, Path(path), environ)
                check_regular(files)
            outcome = store.apply(files, job.decide, dry_run=dry_run, reason=reason, environ=environ)
        except EksauthError as error:
            answers.update({number: _failed(each, error) for number, each in group})
            continue
        answers.update(dict(zip([number for number, _ in group], job.entries, strict=True)))
        if dry_run:
            diff += outcome.diff()
        else:
            _set_modes(outcome, job.entries)
        if job.current:
            switched[job.current[0]] = job.current[1]
        warnings += outcome.warnings
        notes += [*job.notes, *_reading_notes(path, job.entries, environ)]
    entries = tuple(answers[number] for number in sorted(answers))
    return Provisioned(
        entries=entries,
        switched=switched,
        warnings=tuple(dict.fromkeys(warnings)),
        notes=tuple(dict.fromkeys(notes)),
        diff=diff,
    )


def _check_place(config: AuthConfig, path: Path, environ: Mapping[str, str]) -> None:
    """Refuse to make files all over the home for a configuration that may have come with somebody's repository.

    Names in it would end up in a file that, say, a shell reads.

    :raises ConfigError: ``config.searched_path``.
    """
    if not config.searched or config.path is None or path in kubeconfig_files(environ).paths:
        return
    if Path(os.path.realpath(path)).is_relative_to(os.path.realpath(Path(config.path).parent)):
        return
    raise ConfigError(
        f"nothing is written to {path}: {config.path}, which says so, was found by searching",
        hint="if you trust the file name it with --config or EKSAUTH_CONFIG",
        code="config.searched_path",
    )


def check_regular(files: Files) -> None:
    """Refuse what a configuration names and reading would wait for; what is in ``KUBECONFIG`` the user put there.

    :raises ConfigError: when it is a pipe or another thing that is no file.
    """
    if files.origin is not Origin.FLAG:
        return
    for path in files.paths:
        if path.exists() and not path.is_file():
            raise ConfigError(f"{path} is not a regular file", hint="correct kubeconfig.path in the configuration")


class _Group:
    """The clusters that go into the same files; decided anew each time the engine has read them."""

    def __init__(self, config: AuthConfig, members: list[Described], command: str, *, switch: bool) -> None:
        self._config = config
        self._members = members
        self._command = command
        self._switch = switch
        self.entries: list[ClusterEntry] = []
        self.notes: list[str] = []
        self.current: tuple[Path, str] | None = None

    def decide(self, merged: Merged) -> list[Change]:
        """Return what changes; called with the locks held."""
        self.entries, self.notes, self.current = [], [], None
        changes: list[Change] = []
        plans: list[tuple[EksIntegration, PlannedContext]] = []
        writing = Writing(self._command)
        for each in self._members:
            integration, cluster = each.wanted.integration, each.cluster
            acting = exec_identity(self._config, each.wanted.identity, cross_account=integration.cross_account)
            try:
                if cluster is None:
                    raise AssertionError
                plan = plan_entry(merged, cluster, integration, acting, writing, shared=self._is_shared(each))
            except EksauthError as error:
                self.entries.append(_failed(each, error))
                continue
            changes += plan.changes
            plans.append((integration, plan))
            self.notes += plan.notes
            self.entries.append(
                ClusterEntry(
                    integration=integration,
                    identity=each.wanted.identity,
                    action=_action(plan),
                    cluster=cluster,
                    context=plan.names.context,
                    path=plan.path,
                )
            )
        changes += self._switching(merged, plans)
        return changes

    def _is_shared(self, described: Described) -> bool:
        """Tell whether several identities have this cluster without naming their contexts: none gets the plain name."""
        ours = described.wanted.integration
        return any(
            other.name != ours.name
            and other.cluster_alias is None
            and (other.cluster_name, other.region) == (ours.cluster_name, ours.region)
            and (other.via_identity or "").lower() != (ours.via_identity or "").lower()
            for other in self._config.integrations.values()
        )

    def _switching(self, merged: Merged, plans: Iterable[tuple[EksIntegration, PlannedContext]]) -> list[Change]:
        """Make the first new context current, and never a protected one.

        A context that was there before is left where it is: whoever signs in again has chosen already.
        """
        found = list(plans)
        current = merged.current_context.value if merged.current_context is not None else ""
        if current in {plan.names.context for _, plan in found}:
            return []
        nowhere = current not in merged.contexts
        for integration, plan in found:
            name = plan.names.context
            if not integration.set_current_context or not (nowhere or (self._switch and plan.action == "added")):
                continue
            known = merged.contexts.get(name)
            if known is not None and is_protected(known.value):
                self.notes.append(f'context "{name}" is protected: it is not made current; see: eksauth ctx')
                continue
            self.current = (plan.path, name)
            return [SetCurrentContext(name)]
        return []


def _action(plan: PlannedContext) -> Action:
    if plan.action == "added":
        return "added"
    return "updated" if plan.action == "updated" else "unchanged"


def _failed(described: Described, error: EksauthError | None) -> ClusterEntry:
    return ClusterEntry(
        integration=described.wanted.integration,
        identity=described.wanted.identity,
        action="failed",
        cluster=described.cluster,
        error=error or ConfigError("EKS gave no answer"),
    )


def _set_modes(outcome: Outcome, entries: Iterable[ClusterEntry]) -> None:
    """Give files that are new the mode that the configuration asks for; the engine makes them private.

    Nobody else gets to write them: a kubeconfig names programs to run.
    """
    modes = {entry.path: entry.integration.mode for entry in entries if entry.path is not None}
    for change in outcome.changes:
        mode = modes.get(change.path, 0o600) & ~0o022
        if change.created and mode != 0o600:
            with suppress(OSError):
                change.target.chmod(mode)


def _reading_notes(path: str | None, entries: Iterable[ClusterEntry], environ: Mapping[str, str]) -> list[str]:
    """Say how kubectl gets to see a file that it does not look for."""
    with suppress(EksauthError):
        if path is None or Path(path) in kubeconfig_files(environ).paths:
            return []
    if not any(entry.context for entry in entries):
        return []
    return [f"kubectl does not read {path} by itself: set KUBECONFIG to it, or use: eksauth run"]
