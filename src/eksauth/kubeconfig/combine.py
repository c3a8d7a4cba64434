"""Merging kubeconfigs so that every context still means what it meant in its own file; pure.

kubectl merges by name: of two users called ``kubernetes-admin`` the first wins, and the contexts of the other file use
it without a word. Here an entry with a name that is taken by something else gets a new name, made from a template and
never at random, and its contexts follow; what is the same already is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eksauth.kubeconfig.document import BODY_KEYS, Document, Entry
from eksauth.kubeconfig.entry_origin import origin_values
from eksauth.kubeconfig.name_template import NameTemplate
from eksauth.kubeconfig.rebase import rebased
from eksauth.kubeconfig.tree import Values, same

Item = dict[str, Any]
_ORDER = ("clusters", "users", "contexts")


@dataclass(frozen=True, slots=True)
class Source:
    """A parsed file and its absolute directory."""

    document: Document
    directory: Path


@dataclass(frozen=True, slots=True)
class Renamed:
    """An entry that got a new name.

    :ivar path: the file that it comes from.
    :ivar line: its line there.
    """

    section: str
    old: str
    new: str
    path: Path
    line: int


@dataclass(frozen=True, slots=True)
class Twin:
    """An entry that was left out because the same is there already, as ``name``."""

    section: str
    name: str
    path: Path
    line: int


@dataclass(slots=True)
class Combined:
    """The result of a merge.

    :ivar added: new list items by section, in order.
    :ivar current_context: the first that a file sets, by its new name; empty when none does.
    :ivar dangling: (context, what it misses) of added contexts whose cluster or user no file has.
    :ivar dropped: top keys of later files that lost against an earlier one.
    :ivar top: other top keys (``preferences``, ``extensions``, unknown ones), the first file's.
    """

    added: dict[str, list[Item]] = field(default_factory=lambda: {section: [] for section in _ORDER})
    renamed: list[Renamed] = field(default_factory=list)
    twins: list[Twin] = field(default_factory=list)
    current_context: str = ""
    dangling: list[tuple[str, str]] = field(default_factory=list)
    dropped: list[tuple[Path, str]] = field(default_factory=list)
    top: dict[str, Any] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        """Whether there is anything to add."""
        return any(self.added.values())


def combine(
    base: Source | None, sources: Iterable[Source], template: NameTemplate, *, target: Path | None = None
) -> Combined:
    """Return what has to be added to ``base`` so that it holds ``sources`` as well.

    :param base: the file that is added to; its own entries stay as they are. None for a new file.
    :param template: how an entry with a taken name is called.
    :param target: absolute directory of the file that is written; None when that is not known.
    """
    merging = _Merging(template, target)
    if base is not None:
        merging.start(base)
    for source in sources:
        merging.take(source)
    merging.find_dangling()
    return merging.result


class _Merging:
    def __init__(self, template: NameTemplate, target: Path | None) -> None:
        self._template = template
        self._target = target
        self._taken: dict[str, dict[str, Any]] = {section: {} for section in _ORDER}
        self.result = Combined()

    def start(self, base: Source) -> None:
        """Take the names of the file that is added to."""
        values = Values()
        for section in _ORDER:
            for entry in base.document.sections[section]:
                body = _body(values, entry)
                self._taken[section][entry.name] = _comparable(rebased(section, body, base.directory, None))
        top = values.of(base.document.root) if base.document.root is not None else {}
        self.result.top = {key: value for key, value in top.items() if key not in _ENTRIES}
        self.result.current_context = base.document.current_context

    def take(self, source: Source) -> None:
        """Add one file."""
        values = Values()
        names: dict[str, dict[str, str]] = {section: {} for section in _ORDER}
        for section in _ORDER:
            for entry in source.document.sections[section]:
                names[section][entry.name] = self._add(source, section, entry, values, names)
        current = source.document.current_context
        if current and not self.result.current_context:
            self.result.current_context = names["contexts"].get(current, current)
        top = values.of(source.document.root) if source.document.root is not None else {}
        for key, value in top.items():
            if key in _ENTRIES or not _comparable(value):
                continue
            if key not in self.result.top or not _comparable(self.result.top[key]):
                self.result.top[key] = value
            elif not same(_comparable(self.result.top[key]), _comparable(value)):
                self.result.dropped.append((source.document.path, key))

    def _add(
        self, source: Source, section: str, entry: Entry, values: Values, names: Mapping[str, Mapping[str, str]]
    ) -> str:
        """Add one entry unless it is there already, and return the name that it has now."""
        body = _body(values, entry)
        if section == "contexts" and isinstance(body, dict):
            body = {
                key: names[f"{key}s"].get(value, value) if key in {"cluster", "user"} else value
                for key, value in body.items()
            }
        meaning = _comparable(rebased(section, body, source.directory, None))
        name, exists = self._free_name(source, section, entry, meaning)
        if exists:
            self.result.twins.append(Twin(section, name, source.document.path, entry.line))
            return name
        if name != entry.name:
            self.result.renamed.append(Renamed(section, entry.name, name, source.document.path, entry.line))
        self._taken[section][name] = meaning
        whole = values.of(entry.item)
        item: Item = {**(whole if isinstance(whole, dict) else {}), "name": name}
        if body is not None:
            item[BODY_KEYS[section]] = rebased(section, body, source.directory, self._target)
        self.result.added[section].append(item)
        return name

    def _free_name(self, source: Source, section: str, entry: Entry, meaning: Any) -> tuple[str, bool]:
        """Return the name to use, and whether the same entry has it already."""
        taken = self._taken[section]
        own = {other.name for other in source.document.sections[section]} - {entry.name}
        for name in self._template.names(entry.name, origin_values(source.document, entry)):
            if name in taken:
                if same(taken[name], meaning):
                    return name, True
            elif name not in own:  # the file's own other entry of that name comes later, or came already
                return name, False
        raise AssertionError("a template gives names without end")

    def find_dangling(self) -> None:
        """Note contexts that name what nobody has."""
        for item in self.result.added["contexts"]:
            context = item.get("context") or {}
            for kind in ("cluster", "user"):
                name = context.get(kind) or ""
                if name not in self._taken[f"{kind}s"]:
                    self.result.dangling.append((item["name"], f'{kind} "{name}"'))


_ENTRIES = frozenset((*_ORDER, "current-context", "apiVersion", "kind"))


def _body(values: Values, entry: Entry) -> Any:
    return None if entry.body is None else values.of(entry.body)


def _comparable(value: Any) -> Any:
    """Return ``value`` without what means "not given": nulls, empty texts, lists and mappings, false."""
    if isinstance(value, dict):
        kept = {key: _comparable(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in ("", None, False, [], {})} or None
    return [_comparable(item) for item in value] or None if isinstance(value, list) else value or None
