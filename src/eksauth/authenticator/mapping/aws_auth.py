"""The ``aws-auth`` ConfigMap as the reference reads it: three texts, each parsed on its own, ARNs compared as text.

A section that does not parse is empty, the others count; an entry that cannot be used is dropped, the rest stay.
Section names are exact, entry keys are not.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

import yaml

from eksauth.authenticator.identity import Identity
from eksauth.authenticator.mapping.model import (
    AccountMapping,
    Mappings,
    Match,
    NotMapped,
    Problem,
    Problems,
    RoleMapping,
    Source,
    UserMapping,
)
from eksauth.authenticator.mapping.reader import EntryReader
from eksauth.authenticator.mapping.steps import Steps
from eksauth.authenticator.mapping.table import MappingTable
from eksauth.errors import ConfigError
from eksauth.yaml_source.nodes import YamlFile, is_null, string_or_none

SECTIONS = ("mapRoles", "mapUsers", "mapAccounts")
_EMPTY = {"", "``", '""', "''"}
_IGNORED_SECTION = "mapping.ignored_section"


class AwsAuthBackend:
    """Mappings with the semantics of the ``EKSConfigMap`` backend.

    :param data: the ConfigMap's ``data``.
    :param name: what the ConfigMap is called in messages; lines count within each section.
    """

    name = "EKSConfigMap"

    def __init__(self, mappings: Mappings, problems: tuple[Problem, ...] = ()) -> None:
        self.mappings = mappings
        self._table = MappingTable(mappings, canonicalise_roles=False)
        self.problems = (*problems, *self._table.problems)

    @classmethod
    def in_steps(cls, mappings: Mappings, problems: tuple[Problem, ...] = ()) -> Steps[AwsAuthBackend]:
        """Make the same backend in small steps."""
        backend = cls(Mappings())
        backend.mappings = mappings
        backend._table = yield from MappingTable.in_steps(mappings, canonicalise_roles=False)
        backend.problems = (*problems, *backend._table.problems)
        return backend

    @classmethod
    def from_data(cls, data: Mapping[str, str], name: str = "aws-auth") -> AwsAuthBackend:
        """Return the backend for a ConfigMap's ``data``; sections that do not parse are empty and reported."""
        problems = Problems()
        sections = {}
        for key, text in data.items():
            if key in SECTIONS:
                sections[key] = (text, f"{name}/{key}", 1)
            else:
                _report_section(problems, key, Source(name, 1))
        return cls(_read(sections, problems), tuple(problems.found))

    @classmethod
    def from_manifest(cls, file: YamlFile) -> AwsAuthBackend:
        """Return the backend for a ConfigMap's manifest, with the manifest's own line numbers.

        :raises ConfigError: when the object could not be created in a cluster: a section is no text (the ``|`` is
            missing).
        """
        problems = Problems()
        sections = {}
        for key, key_node, value in _data_of(file):
            if key not in SECTIONS:
                _report_section(problems, key, Source(file.name, file.line(key_node)))
                continue
            text = string_or_none(value)
            if text is None and not is_null(value):
                raise file.error(value, f"{key} must be a text", f"write '{key}: |' and indent the list below it")
            first_line = file.line(value) + (1 if getattr(value, "style", None) in {"|", ">"} else 0)
            sections[key] = (text or "", file.name, first_line)
        return cls(_read(sections, problems), tuple(problems.found))

    def lookup(self, identity: Identity) -> Match | NotMapped:
        """Return the entry that decides, or why there is none."""
        return self._table.lookup(identity)


def is_config_map(file: YamlFile) -> bool:
    """Tell whether ``file`` is the manifest of a ConfigMap."""
    if not isinstance(file.root, yaml.MappingNode):
        return False
    return any(
        isinstance(key, yaml.ScalarNode) and key.value == "kind" and getattr(value, "value", None) == "ConfigMap"
        for key, value in file.root.value
    )


def _data_of(file: YamlFile) -> list[tuple[str, yaml.Node, yaml.Node]]:
    for key, _, value in file.pairs(file.root) if file.root is not None else ():
        if key == "data" and not is_null(value):
            return list(file.pairs(value))
    return []


def _read(sections: Mapping[str, tuple[str, str, int]], problems: Problems) -> Mappings:
    found = {}
    for key, (text, name, first_line) in sections.items():
        try:
            found[key] = read_section(key, text, name, problems, first_line=first_line)
        except ConfigError as error:
            problems.add(section_problem("mapping.section_lost", f"{key} counts for nothing", error, name, first_line))
    return mappings_of(found)


def read_section(
    key: str, text: str, name: str, problems: Problems, *, first_line: int = 1
) -> tuple[RoleMapping | UserMapping | AccountMapping, ...]:
    """Return the entries of one section; those that cannot be used are left out and reported.

    :param key: one of :data:`SECTIONS`.
    :param name: what the section is called in messages.
    :raises ConfigError: when it does not parse, or is no list.
    """
    if text.strip() in _EMPTY:
        return ()
    file = YamlFile(text, name, first_line=first_line)
    if file.root is None:
        return ()
    reader = EntryReader(file, problems, strict=False)
    if key == "mapRoles":
        return reader.roles(file.root)
    return reader.users(file.root) if key == "mapUsers" else reader.accounts(file.root)


def mappings_of(sections: Mapping[str, tuple[RoleMapping | UserMapping | AccountMapping, ...]]) -> Mappings:
    """Return the sections together."""
    return Mappings(**{_FIELDS[key]: entries for key, entries in sections.items()})  # type: ignore[arg-type]


def section_problem(code: str, what: str, error: ConfigError, name: str, first_line: int = 1) -> Problem:
    """Return the problem of a section that does not parse; ``what`` says what becomes of it."""
    return Problem(code, f"{what}: {error.message}", Source(name, _line_in(error, name, first_line)), error.hint)


def report_other_section(problems: Problems, key: str, name: str) -> None:
    """Report a key of the ConfigMap's data that is no section."""
    _report_section(problems, key, Source(name, 1))


def _line_in(error: ConfigError, name: str, otherwise: int) -> int:
    """Return the line that an error of the reader begins with."""
    line = error.message.removeprefix(f"{name}:").partition(":")[0]
    return int(line) if line.isascii() and line.isdigit() else otherwise


_FIELDS = {"mapRoles": "roles", "mapUsers": "users", "mapAccounts": "accounts"}


def _report_section(problems: Problems, key: str, source: Source) -> None:
    near = get_close_matches(key.lower(), [section.lower() for section in SECTIONS], 1)
    proper = next((section for section in SECTIONS if near and section.lower() == near[0]), None)
    hint = f"write {proper}" if proper else None
    problems.add(Problem(_IGNORED_SECTION, f"section {key[:60]!r} is ignored", source, hint))
