"""Running all rules over the files that kubectl would read."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from eksauth.errors import ConfigError
from eksauth.kubeconfig import usable
from eksauth.kubeconfig.document import Document, load_document
from eksauth.kubeconfig.lint.clusters import check_cluster
from eksauth.kubeconfig.lint.files import check_document, check_file, check_list
from eksauth.kubeconfig.lint.finding import LEVELS, Finding, Surroundings, at_file
from eksauth.kubeconfig.lint.keys import check_keys
from eksauth.kubeconfig.lint.references import check_names, check_owned, check_references, check_unused
from eksauth.kubeconfig.lint.users import check_user
from eksauth.kubeconfig.paths import Files
from eksauth.kubeconfig.problems import PlacedError
from eksauth.kubeconfig.resolve import Found, Merged, merge


def lint(files: Files, surroundings: Surroundings) -> list[Finding]:
    """Return all findings, by file, line and column; a broken file does not keep the others from being checked."""
    findings: list[Finding] = []
    documents: list[Document] = []
    missing: list[Path] = []
    for path in files.paths:
        try:
            document = load_document(path, strict=False)
        except ConfigError as error:
            findings.append(_broken(path, error))
            continue
        if document is None:
            missing.append(path)
            continue
        documents.append(document)
        findings += [*check_file(path, surroundings), *check_document(document), *check_keys(document)]
    findings += check_list(files, missing)
    findings += _check_merged(merge(files, documents, tuple(missing)), surroundings)
    order = {path: number for number, path in enumerate(files.paths)}
    return sorted(
        dict.fromkeys(findings),
        key=lambda item: (order.get(item.path, -1), item.line, item.column, LEVELS.index(item.level), item.code),
    )


def fix_permissions(files: Files) -> list[Path]:
    """Take away what group and others may do with the files, and return those that were changed.

    Devices and pipes are left alone: ``KUBECONFIG=/dev/null`` is a usual way to have none.

    :raises ConfigError: for files of somebody else.
    """
    changed = []
    for path in files.paths:
        try:
            mode = path.stat().st_mode
            if stat.S_ISREG(mode) and mode & 0o077:
                path.chmod(stat.S_IMODE(mode) & ~0o077)
                changed.append(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise ConfigError(
                f"{path}: its mode cannot be changed: {(error.strerror or 'refused').lower()}",
                hint="ask whoever owns it, or make a copy of your own",
                code="kubeconfig.mode",
            ) from None
    return changed


def _broken(path: Path, error: ConfigError) -> Finding:
    fix = error.hint or "correct it; kubectl refuses every command meanwhile"
    if isinstance(error, PlacedError):
        problem = error.problem
        return Finding("error", problem.code, path, problem.line, problem.column, problem.message, fix)
    return at_file(path, "error", error.code, error.message.removeprefix(f"{path}: "), fix)


def _check_merged(merged: Merged, surroundings: Surroundings) -> Iterator[Finding]:
    yield from check_references(merged)
    yield from check_names(merged)
    yield from check_unused(merged)
    yield from check_owned(merged)
    for cluster in merged.clusters.values():
        yield from _unusable(cluster, usable.check_cluster(cluster, surroundings.cwd))
        yield from check_cluster(cluster, surroundings)
    for user in merged.users.values():
        yield from _unusable(user, usable.check_user(user, surroundings.cwd))
        yield from check_user(user, surroundings)


def _unusable(found: Found[Any], reasons: list[usable.Finding]) -> Iterator[Finding]:
    column = found.entry.column if found.entry is not None else 1
    for reason in reasons:
        yield Finding("error", reason.code, reason.place.path, reason.place.line, column, reason.message, reason.hint)
