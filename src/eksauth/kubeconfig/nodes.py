"""YAML as nodes that know their place: the first document of a text, composed from libyaml's events.

PyYAML's own composer recurses in C and crashes on deep nesting, loses where aliases stand, and ends block collections
at the next token, after blank lines and comments. This one keeps its own stack, keeps aliases, and ends a collection
where its last child ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

MAX_DEPTH = 200
_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True, eq=False)
class Node:
    """A value in the text.

    :ivar start: offset of its first character, its anchor and tag included.
    :ivar end: offset after its last character; a block collection ends where its last child ends.
    :ivar line: line of ``start``, from 1.
    :ivar column: column of ``start``, from 1.
    :ivar anchor: the name after ``&``, or None; for an alias the name after ``*``.
    :ivar tag: the tag as written and expanded (``tag:yaml.org,2002:binary``, ``!custom``), or None.
    """

    start: int
    end: int
    line: int
    column: int
    anchor: str | None = None
    tag: str | None = None


@dataclass(slots=True, eq=False)
class Scalar(Node):
    """A plain, quoted or block scalar; ``style`` is ``''``, ``"'"``, ``'"'``, ``'|'`` or ``'>'``.

    The value may be a secret and is not shown.
    """

    value: str = field(default="", repr=False)
    style: str = ""


@dataclass(slots=True, eq=False)
class Sequence(Node):
    """A list; ``flow`` tells ``[a, b]`` from a block."""

    items: list[Node] = field(default_factory=list)
    flow: bool = False


@dataclass(slots=True, eq=False)
class Mapping(Node):
    """Keys and values in the order of the text, duplicates and ``<<`` included."""

    pairs: list[tuple[Node, Node]] = field(default_factory=list)
    flow: bool = False


@dataclass(slots=True, eq=False)
class Alias(Node):
    """``*name``: stands for ``target``, which comes earlier in the text."""

    target: Node | None = None


@dataclass(frozen=True, slots=True)
class Composed:
    """The first document of a text.

    :ivar root: its value; None when the text holds no document.
    :ivar anchors: whether any anchor or alias occurs.
    :ivar more: whether something follows the first document.
    """

    root: Node | None
    anchors: bool = False
    more: bool = False


class YamlError(Exception):
    """The text is not YAML, or nests deeper than :data:`MAX_DEPTH`; with the place as line and column from 1."""

    def __init__(self, problem: str, line: int, column: int) -> None:
        super().__init__(problem)
        self.problem = problem
        self.line = line
        self.column = column


def resolve_alias(node: Node) -> Node:
    """Return what ``node`` stands for: the anchored node for an alias, otherwise itself."""
    while isinstance(node, Alias) and node.target is not None:
        node = node.target
    return node


def children(node: Node) -> Iterator[Node]:
    """Yield the direct children of a collection, keys before their values; aliases are not followed."""
    if isinstance(node, Sequence):
        yield from node.items
    elif isinstance(node, Mapping):
        for key, value in node.pairs:
            yield key
            yield value


def compose(text: str, *, offset: int = 0, line: int = 0) -> Composed:
    """Return the nodes of the first document in ``text``; later documents are not looked at.

    :param offset: added to every offset, for a text cut out of a longer one.
    :param line: added to every line number.
    :raises YamlError: for text that is not YAML, nests too deep, or has an alias without its anchor or inside it.
    """
    loader = _Loader(text)
    try:
        return _Composer(loader, text, offset, line).run()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + line + 1, mark.column + 1) if mark else (line + 1, 1)
        raise YamlError(error.problem or "malformed", *place) from None
    except yaml.YAMLError as error:
        position = getattr(error, "position", None)  # in bytes of UTF-8
        before = text.encode()[: position if isinstance(position, int) else 0].decode(errors="ignore")
        place = (before.count("\n") + line + 1, len(before) - before.rfind("\n"))
        raise YamlError(str(getattr(error, "reason", None) or "malformed"), *place) from None
    finally:
        loader.dispose()


class _Composer:
    def __init__(self, loader: Any, text: str, offset: int, line: int) -> None:
        self._loader = loader
        self._text = text
        self._offset = offset
        self._line = line + 1
        self._anchors: dict[str, Node] = {}
        self._open: set[int] = set()

    def run(self) -> Composed:
        get = self._loader.get_event
        stack: list[Sequence | Mapping] = []
        keys: list[Node | None] = []
        root: Node | None = None
        while True:
            event = get()
            kind = type(event)
            if kind is yaml.ScalarEvent:
                node: Node = self._scalar(event)
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                node = self._collection(event, len(stack))
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                self._close(stack.pop(), event)
                keys.pop()
                continue
            elif kind is yaml.AliasEvent:
                node = self._alias(event)
            elif kind is yaml.DocumentEndEvent:
                return Composed(root, bool(self._anchors), self._more())
            elif kind is yaml.StreamEndEvent:
                return Composed(None)
            else:
                continue
            if not stack:
                root = node
            else:
                parent = stack[-1]
                if isinstance(parent, Sequence):
                    parent.items.append(node)
                elif (key := keys[-1]) is None:
                    keys[-1] = node
                else:
                    parent.pairs.append((key, node))
                    keys[-1] = None
            if isinstance(node, (Mapping, Sequence)):
                stack.append(node)
                keys.append(None)

    def _scalar(self, event: Any) -> Scalar:
        start, end, style = event.start_mark, event.end_mark, event.style or ""
        stop = end.index
        if style and style in "|>":
            stop = self._block_end(start.index, stop)
        node = Scalar(
            start.index + self._offset,
            stop + self._offset,
            start.line + self._line,
            start.column + 1,
            event.anchor,
            event.tag,
            event.value,
            style,
        )
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _block_end(self, start: int, end: int) -> int:
        """End a block scalar at its text, without the last line break, unless ``+`` keeps the line breaks."""
        header = self._text[start:end].partition("\n")[0]
        if "+" in header.partition("#")[0]:
            return end
        return start + len(self._text[start:end].rstrip(" \r\n"))

    def _collection(self, event: Any, depth: int) -> Sequence | Mapping:
        start = event.start_mark
        if depth >= MAX_DEPTH:
            raise yaml.MarkedYAMLError(problem="nested too deeply", problem_mark=start)
        kind = Mapping if type(event) is yaml.MappingStartEvent else Sequence
        node = kind(
            start.index + self._offset,
            event.end_mark.index + self._offset,
            start.line + self._line,
            start.column + 1,
            event.anchor,
            event.tag,
        )
        node.flow = bool(event.flow_style)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
            self._open.add(id(node))
        return node

    def _close(self, node: Sequence | Mapping, event: Any) -> None:
        self._open.discard(id(node))
        if node.flow:
            node.end = event.end_mark.index + self._offset
        elif isinstance(node, Sequence):
            node.end = node.items[-1].end if node.items else node.start
        elif node.pairs:
            node.end = max(node.pairs[-1][1].end, node.pairs[-1][0].end)

    def _alias(self, event: Any) -> Alias:
        start = event.start_mark
        target = self._anchors.get(event.anchor)
        if target is None:
            raise yaml.MarkedYAMLError(problem=f"no anchor is called {event.anchor!r}", problem_mark=start)
        if id(target) in self._open:
            raise yaml.MarkedYAMLError(problem=f"the anchor {event.anchor!r} contains itself", problem_mark=start)
        return Alias(
            start.index + self._offset,
            event.end_mark.index + self._offset,
            start.line + self._line,
            start.column + 1,
            event.anchor,
            None,
            target,
        )

    def _more(self) -> bool:
        try:
            return not isinstance(self._loader.get_event(), yaml.StreamEndEvent)
        except yaml.YAMLError:
            return True
