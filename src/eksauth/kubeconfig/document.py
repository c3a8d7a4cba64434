"""One kubeconfig file: its exact text, and where each entry stands in it.

``parse_document`` is the only way in. It accepts what kubectl accepts and refuses what kubectl refuses, naming line and
column. Offsets are in characters of :attr:`Document.text`; :meth:`Document.encode` turns changed text into bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from eksauth.errors import ConfigError
from eksauth.kubeconfig import decode
from eksauth.kubeconfig.dialect import dialect_problem
from eksauth.kubeconfig.model import Body, NamedExtension, Preferences
from eksauth.kubeconfig.nodes import Mapping, Node, Sequence, YamlError, compose, resolve_alias
from eksauth.kubeconfig.problems import Problem
from eksauth.kubeconfig.source import Source, decode_source, read_file
from eksauth.kubeconfig.values import BadValue, aliases_multiply, bad, fields, is_null

SECTIONS = ("clusters", "contexts", "users")
_KNOWN = {*SECTIONS, "apiVersion", "kind", "current-context", "preferences", "extensions"}
BODY_KEYS = {"clusters": "cluster", "contexts": "context", "users": "user"}


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One cluster, context or user of a file.

    :ivar section: ``clusters``, ``contexts`` or ``users``.
    :ivar index: its place in the list, from 0.
    :ivar name: empty when the file gives none.
    :ivar value: what the body says.
    :ivar item: the list item: a mapping, an alias of one, or an empty scalar.
    :ivar body: the node below ``cluster``, ``context`` or ``user``; None when absent, an empty scalar when null.
    :ivar name_node: the node of the name; None when absent.
    :ivar start: offset of the item's ``-`` (block style) or of the item (flow style).
    :ivar end: offset after the item's last character, line end and trailing comment not included.
    :ivar line: line of ``start``, from 1.
    :ivar column: column of ``start``, from 1.
    """

    section: str
    index: int
    name: str
    value: Body
    item: Node
    body: Node | None
    name_node: Node | None
    start: int
    end: int
    line: int
    column: int

    @property
    def what(self) -> str:
        """The entry as people know it: ``context "prod"``."""
        return f'{BODY_KEYS[self.section]} "{self.name}"'


@dataclass(frozen=True, slots=True, eq=False)
class TopKey:
    """A key at the top of the file with its value; the last one, where a key occurs twice."""

    name: str
    key: Node
    node: Node


class Document:
    """A parsed kubeconfig file; see the module's description. It does not change: edits make new text.

    :ivar path: where it was read from; only for messages and for relative paths.
    :ivar source: text, encoding and byte order mark.
    :ivar root: the top mapping; None for an empty file, a file of comments, ``null`` or ``~``.
    :ivar anchors: whether anchors or aliases occur anywhere.
    :ivar multi_document: whether something follows the first YAML document; kubectl ignores it.
    :ivar problems: what kubectl would refuse; empty unless parsed with ``strict=False``.
    :ivar sections: the entries of ``clusters``, ``contexts`` and ``users`` in the order of the file.
    """

    def __init__(self, path: Path, source: Source) -> None:
        self.path = path
        self.source = source
        self.problems: list[Problem] = []
        self.current_context = ""
        self.preferences = Preferences()
        self.extensions: tuple[NamedExtension, ...] = ()
        self.sections: dict[str, tuple[Entry, ...]] = dict.fromkeys(SECTIONS, ())
        self.anchors = self.multi_document = False
        self.root: Mapping | None = None
        self.top: dict[str, TopKey] = {}

    @property
    def text(self) -> str:
        """The whole text, without a byte order mark."""
        return self.source.text

    @property
    def flow(self) -> bool:
        """Whether the top mapping is in flow style, which JSON is."""
        return self.root is not None and self.root.flow

    def encode(self, text: str) -> bytes:
        """Return changed text as the bytes to write, with the file's encoding and byte order mark."""
        return self.source.encode(text)

    def entry(self, section: str, name: str) -> Entry | None:
        """Return the entry of that name, or None."""
        return self._index[section].get(name)

    @cached_property
    def _index(self) -> dict[str, dict[str, Entry]]:
        return {section: {entry.name: entry for entry in entries} for section, entries in self.sections.items()}

    def place(self, offset: int) -> tuple[int, int]:
        """Return line and column, from 1, of a character."""
        before = self.text.rfind("\n", 0, offset)
        return self.text.count("\n", 0, offset) + 1, offset - before

    def line_start(self, offset: int) -> int:
        """Return the offset of the first character of the line that ``offset`` is in."""
        return self.text.rfind("\n", 0, offset) + 1

    def line_end(self, offset: int) -> int:
        """Return the offset after the line end of the line that ``offset`` is in."""
        end = self.text.find("\n", offset)
        return len(self.text) if end < 0 else end + 1


def parse_document(data: bytes, path: Path, *, strict: bool = True) -> Document:
    """Parse the bytes of a kubeconfig file.

    :param path: for messages.
    :param strict: False collects what kubectl would refuse in ``problems`` and leaves the entries concerned out.
    :raises ConfigError: for text that is not YAML or nests, multiplies or grows beyond reason; with ``strict`` for
        everything that kubectl refuses. Names file, line and column.
    """
    document = Document(path, decode_source(data, path))
    try:
        composed = compose(document.text)
    except YamlError as error:
        raise _syntax_error(error).error(path) from None
    document.anchors, document.multi_document = composed.anchors, composed.more
    if composed.anchors and composed.root is not None and aliases_multiply(composed.root):
        raise ConfigError(
            f"{path}: its aliases multiply the content beyond reason", hint="write it out", code="kubeconfig.aliases"
        )
    if (foreign := dialect_problem(document.text, composed.root)) is not None:
        raise foreign.error(path)
    for problem in _fill(document, composed.root):
        if strict:
            raise problem.error(path)
        document.problems.append(problem)
    return document


def load_document(path: Path, *, strict: bool = True) -> Document | None:
    """Read and parse a file; None when there is no such file.

    :raises ConfigError: when it is there and cannot be read or parsed.
    """
    data = read_file(path)
    return None if data is None else parse_document(data, path, strict=strict)


def _syntax_error(error: YamlError) -> Problem:
    hint = "check the indentation and the quotes around here"
    if "tab" in error.problem or "cannot start any token" in error.problem:
        hint = "indent with spaces, not tabs, and quote values that begin with @, ` or %"
    elif "control characters" in error.problem or "not allowed" in error.problem:
        hint = "this is not a text file, or it was damaged"
    return Problem(error.line, error.column, f"not valid YAML: {error.problem}", hint, "kubeconfig.yaml")


def _fill(document: Document, root: Node | None) -> Iterator[Problem]:
    try:
        if root is None or is_null(root):
            return
    except BadValue as error:
        yield error.problem
        return
    if not isinstance(root, Mapping):
        message = f"a kubeconfig is a mapping, and this is {decode.kind_of(root)}"
        yield bad(root, message, "it begins with apiVersion: v1", "kubeconfig.type").problem
        return
    document.root = root
    try:
        document.top = {name: TopKey(name, *pair) for name, pair in fields(root).items()}
    except BadValue as error:
        yield error.problem
        return
    yield from _fill_top(document)
    for section in SECTIONS:
        if section in document.top:
            yield from _fill_section(document, section, document.top[section].node)


def _fill_top(document: Document) -> Iterator[Problem]:
    for name, allowed in (("apiVersion", "v1"), ("kind", "Config")):
        if name in document.top:
            node = document.top[name].node
            try:
                given = decode.text(node, name)
                if given not in {"", allowed}:
                    raise bad(node, f"{name} is {given}, not {allowed}", "this is no kubeconfig", "kubeconfig.kind")
            except BadValue as error:
                yield error.problem
    try:
        if "current-context" in document.top:
            document.current_context = decode.text(document.top["current-context"].node, "current-context")
    except BadValue as error:
        yield error.problem
    try:
        if "preferences" in document.top:
            document.preferences = decode.preferences(document.top["preferences"].node)
        if "extensions" in document.top:
            document.extensions = decode.extensions(document.top["extensions"].node, "extensions")
        for name, key in document.top.items():
            if name not in _KNOWN:
                decode.check_unknown(key.node)
    except BadValue as error:
        yield error.problem


def _fill_section(document: Document, section: str, node: Node) -> Iterator[Problem]:
    try:
        items = decode.items(node, section)
    except BadValue as error:
        yield error.problem
        return
    column = resolve_alias(node).column
    block = isinstance(target := resolve_alias(node), Sequence) and not target.flow
    entries: list[Entry] = []
    seen: dict[str, Entry] = {}
    for index, item in enumerate(items):
        try:
            place = (item.start, item.line, item.column)
            if block:
                start = _dash(document.text, item, column)
                place = (start, item.line - document.text.count("\n", start, item.start), column)
            entry = _entry(section, index, item, place)
            if entry.name in seen:
                first = seen[entry.name]
                raise bad(
                    item,
                    f"{entry.what} is already in line {first.line}",
                    "remove or rename one of the two; kubectl refuses the whole file",
                    "kubeconfig.duplicate",
                )
        except BadValue as error:
            yield error.problem
            continue
        seen[entry.name] = entry
        entries.append(entry)
    document.sections[section] = tuple(entries)


def _dash(text: str, item: Node, column: int) -> int:
    """Return the offset of the ``-`` of a block item: the nearest one before it in the list's column."""
    line = text.rfind("\n", 0, item.start) + 1
    while line > 0 and text[line + column - 1 : line + column] != "-":
        line = text.rfind("\n", 0, line - 1) + 1
    return line + column - 1


def _entry(section: str, index: int, item: Node, place: tuple[int, int, int]) -> Entry:
    key = BODY_KEYS[section]
    given = decode.mapping(item, f"an item of {section}")
    name_node = given["name"][1] if "name" in given else None
    name = decode.text(name_node, f"the name of a {key}") if name_node is not None else ""
    body = given[key][1] if key in given else None
    for other, (_, node) in given.items():
        if other not in {"name", key}:
            decode.check_unknown(node)
    value = decode.body(section, body, f'{key} "{name}"')
    start, line, column = place
    return Entry(section, index, name, value, item, body, name_node, start, item.end, line, column)
