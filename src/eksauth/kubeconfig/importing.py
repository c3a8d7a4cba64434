"""Merging kubeconfig files into one: into an existing file, a new one, or a text."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from eksauth.errors import ConfigError
from eksauth.kubeconfig.combine import Combined, Source, combine
from eksauth.kubeconfig.document import Document, load_document, parse_document
from eksauth.kubeconfig.edit import edit
from eksauth.kubeconfig.exec_risk import Risk, risks
from eksauth.kubeconfig.insert import InsertEntries, SetTop
from eksauth.kubeconfig.model import User
from eksauth.kubeconfig.name_template import NameTemplate
from eksauth.kubeconfig.operations import Operation, SetCurrentContext
from eksauth.kubeconfig.outcome import Outcome
from eksauth.kubeconfig.paths import Files, Origin, absolute_command, directory_of
from eksauth.kubeconfig.resolve import Merged
from eksauth.kubeconfig.routing import Change, InFile
from eksauth.kubeconfig.session import Settings
from eksauth.kubeconfig.store import apply


@dataclass(frozen=True, slots=True)
class Import:
    """What is merged, and how.

    :ivar sources: first one first.
    :ivar into: the file that is written; None for a text.
    :ivar cwd: the working directory, absolute.
    """

    sources: tuple[Source, ...]
    template: NameTemplate
    into: Path | None
    cwd: Path


@dataclass(frozen=True, slots=True)
class Plan:
    """What a merge adds, and which programs kubectl would run for it."""

    combined: Combined
    risks: tuple[Risk, ...]


def read_sources(paths: Sequence[Path], cwd: Path) -> tuple[Source, ...]:
    """Read files to merge.

    :raises ConfigError: for a file that is missing or that kubectl would refuse.
    """
    sources = []
    for path in paths:
        document = load_document(path)
        if document is None:
            raise ConfigError(f"{path}: no such file", hint="check the name", code="kubeconfig.missing_file")
        sources.append(Source(document, directory_of(path, cwd)))
    return tuple(sources)


def source_of(data: bytes, name: str, directory: Path) -> Source:
    """Return bytes, such as those of stdin, as something to merge.

    :raises ConfigError: for what kubectl would refuse.
    """
    return Source(parse_document(data, Path(name)), directory)


def plan_import(wanted: Import, base: Document | None) -> Plan:
    """Return what the merge adds to ``base``; pure."""
    target = None if wanted.into is None else directory_of(wanted.into, wanted.cwd)
    start = None if base is None or target is None else Source(base, target)
    combined = combine(start, wanted.sources, wanted.template, target=target)
    return Plan(combined, tuple(risks(_added_users(wanted, combined), base)))


def merged_text(plan: Plan) -> str:
    """Return the merge as a new kubeconfig."""
    return edit(parse_document(b"", Path("merged")), operations(plan)).text


def write_import(
    wanted: Import, *, dry_run: bool, settings: Settings, environ: Mapping[str, str] = os.environ
) -> Outcome:
    """Merge into the file ``wanted.into``, which need not exist.

    :raises ConfigError: as :func:`eksauth.kubeconfig.store.apply` does; nothing was written then.
    """
    if wanted.into is None:
        raise TypeError("there is no file to write")
    path = wanted.into

    def decide(merged: Merged) -> list[Change]:
        base = merged.documents[0] if merged.documents else None
        return [InFile(path, operation) for operation in operations(plan_import(wanted, base), base)]

    reason = "merge " + ", ".join(source.document.path.name for source in wanted.sources)
    files = Files((path,), Origin.FLAG)
    return apply(files, decide, dry_run=dry_run, reason=reason, settings=settings, environ=environ)


def operations(plan: Plan, base: Document | None = None) -> list[Operation]:
    """Return the changes that a plan stands for."""
    found: list[Operation] = [InsertEntries(section, items) for section, items in plan.combined.added.items() if items]
    found += [SetTop(key, value) for key, value in plan.combined.top.items()]
    current = plan.combined.current_context
    if current and (base is None or base.current_context != current):
        found.append(SetCurrentContext(current))
    return found


def _added_users(wanted: Import, combined: Combined) -> Iterable[tuple[str, User]]:
    """Yield the users that are new, with their new names."""
    new = {item["name"] for item in combined.added["users"]}
    names = {(item.path, item.old): item.new for item in combined.renamed if item.section == "users"}
    twins = {(item.path, item.line) for item in combined.twins if item.section == "users"}
    for source in wanted.sources:
        for entry in source.document.sections["users"]:
            path = source.document.path
            name = names.get((path, entry.name), entry.name)
            if isinstance(entry.value, User) and name in new and (path, entry.line) not in twins:
                plugin = entry.value.exec
                command = plugin and replace(plugin, command=absolute_command(plugin.command, source.directory))
                yield name, replace(entry.value, exec=command)
