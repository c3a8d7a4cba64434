"""``eksauth server check-config``: what is wrong with a server's configuration or mappings, before a server reads them.

Knows a file by what is in it: a server configuration, an ``aws-auth`` ConfigMap, access entries, or the JSON of a
dynamic file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml

from eksauth.authenticator.config import parse_server_config
from eksauth.authenticator.entries.reader import EntryReader
from eksauth.authenticator.entries.table import EntryTable
from eksauth.authenticator.mapping.aws_auth import AwsAuthBackend, is_config_map
from eksauth.authenticator.mapping.dynamic_json import parse_dynamic
from eksauth.authenticator.mapping.model import Mappings, Problem, Problems, RoleMapping, Source, UserMapping
from eksauth.authenticator.mapping.mounted_file import MountedFileBackend
from eksauth.errors import ConfigError
from eksauth.yaml_source.nodes import YamlFile, read_bounded

Severity = Literal["error", "warning"]
FileKind = Literal["server configuration", "aws-auth", "access entries", "dynamic file"]
_WARNINGS = frozenset(
    (
        "config.deprecated_backend",
        "config.duplicate_key",
        "config.key_case",
        "config.unknown_backend",
        "config.unknown_key",
        "entries.duplicate_policy",
        "entries.unknown_policy",
        "mapping.accounts_not_list",
        "mapping.duplicate",
        "mapping.masters",
        "mapping.no_groups",
        "mapping.no_mappings",
        "mapping.overlap",
        "mapping.same_username",
        "mapping.unknown_key",
        "mapping.unknown_template",
    )
)
"""Codes of what works, though perhaps not as its writer meant; everything else locks somebody out or is refused."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong."""

    severity: Severity
    problem: Problem


@dataclass(frozen=True, slots=True)
class Report:
    """What was looked at, and what was found; ``entries`` counts the mappings that would be in force."""

    kind: FileKind
    name: str
    entries: int
    findings: tuple[Finding, ...]

    @property
    def has_errors(self) -> bool:
        """Whether somebody would be locked out, or the server not start."""
        return any(finding.severity == "error" for finding in self.findings)


def check_file(path: Path, *, partition: str | None = None) -> Report:
    """Look at a file.

    :param partition: of the cluster, for access entries; ``aws`` unless given.
    :raises ConfigError: when the file cannot be read at all.
    """
    return check_text(read_bounded(path), str(path), partition=partition or "aws")


def check_text(text: str, name: str, *, partition: str = "aws") -> Report:
    """Look at the text of a file; ``name`` begins what is found."""
    try:
        file = YamlFile(text, name)
    except ConfigError as error:
        return Report("server configuration", name, 0, (_fatal(error, name),))
    if is_config_map(file):
        return _config_map(file)
    keys = _top_keys(file)
    if "accessEntries" in keys:
        return _entries(file, partition)
    if keys & {"mapRoles", "mapUsers", "mapAccounts"}:
        return _dynamic(text, name)
    return _server(text, name)


def check_config_map(data: Mapping[str, str], name: str = "kube-system/aws-auth") -> Report:
    """Look at the ``data`` of a ConfigMap in a cluster."""
    backend = AwsAuthBackend.from_data(data, name)
    return _report("aws-auth", name, backend.mappings, backend.problems)


def _config_map(file: YamlFile) -> Report:
    try:
        backend = AwsAuthBackend.from_manifest(file)
    except ConfigError as error:
        return Report("aws-auth", file.name, 0, (_fatal(error, file.name),))
    return _report("aws-auth", file.name, backend.mappings, backend.problems)


def _server(text: str, name: str) -> Report:
    try:
        config = parse_server_config(text, name)
    except ConfigError as error:
        return Report("server configuration", name, 0, (_fatal(error, name),))
    problems = (*config.warnings, *MountedFileBackend(config.mappings).problems)
    if config.backend_modes != ("MountedFile",) and not _count(config.mappings):
        return Report("server configuration", name, 0, tuple(map(_finding, problems)))
    return _report("server configuration", name, config.mappings, problems)


def _entries(file: YamlFile, partition: str) -> Report:
    problems = Problems()
    try:
        table = EntryTable(EntryReader(file, problems, partition=partition).read_file(), problems.found)
    except ConfigError as error:
        return Report("access entries", file.name, 0, (_fatal(error, file.name),))
    return Report("access entries", file.name, len(table), tuple(map(_finding, table.problems)))


def _dynamic(text: str, name: str) -> Report:
    try:
        content = parse_dynamic(text.encode(), name, strict=False)
    except ConfigError as error:
        try:
            content = parse_dynamic(text.encode(), name, strict=True)
        except ConfigError:
            return Report("dynamic file", name, 0, (_fatal(error, name),))
    return _report("dynamic file", name, content.mappings, MountedFileBackend(content.mappings).problems)


def _report(kind: FileKind, name: str, mappings: Mappings, problems: Sequence[Problem]) -> Report:
    found = [*problems, *_about_all(mappings, name)]
    found.sort(key=lambda problem: (problem.source.file, problem.source.line))
    return Report(kind, name, _count(mappings), tuple(map(_finding, found)))


def _about_all(mappings: Mappings, name: str) -> list[Problem]:
    """Return what shows only when the entries are seen together."""
    found = []
    if not _count(mappings):
        found.append(
            Problem("mapping.no_mappings", "nobody is mapped", Source(name, 1), "map at least the nodes' role")
        )
    by_username: dict[str, RoleMapping | UserMapping] = {}
    entries: tuple[RoleMapping | UserMapping, ...] = (*mappings.roles, *mappings.users)
    for entry in entries:
        other = by_username.setdefault(entry.username, entry)
        if entry.username and "{{" not in entry.username and set(other.groups) != set(entry.groups):
            text = (
                f"user name {entry.username} is also given at {other.source}, with other groups: audit logs mix them up"
            )
            found.append(
                Problem(
                    "mapping.same_username",
                    text,
                    entry.source,
                    "give each principal its own user name; audit logs mix them up",
                )
            )
        if "system:masters" in entry.groups:
            text = "system:masters may do everything, and no role or policy can limit it"
            hint = "bind the cluster-admin role to a group of your own instead"
            found.append(Problem("mapping.masters", text, entry.source, hint))
    return found


def _count(mappings: Mappings) -> int:
    return len(mappings.roles) + len(mappings.users) + len(mappings.accounts)


def _finding(problem: Problem) -> Finding:
    return Finding("warning" if problem.code in _WARNINGS else "error", problem)


def _fatal(error: ConfigError, name: str) -> Finding:
    """Return the finding for what stops the reader; its message already begins with the place."""
    place, _, message = error.message.partition(": ")
    parts = place.rsplit(":", 2)
    line = int(parts[1]) if len(parts) == 3 and parts[1].isdigit() else 1
    if not place.startswith(name):
        message = error.message
    return Finding("error", Problem(error.code, message, Source(name, line), error.hint))


def _top_keys(file: YamlFile) -> set[str]:
    if not isinstance(file.root, yaml.MappingNode):
        return set()
    return {str(key.value) for key, _ in file.root.value if isinstance(key, yaml.ScalarNode)}
