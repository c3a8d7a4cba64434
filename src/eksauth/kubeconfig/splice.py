"""Changing a document by the smallest spans of its text that make it say something else.

The splicer walks the nodes together with the value that the document shall have. Where both agree nothing is touched;
where they differ the innermost node is changed: a scalar replaced, a pair or an item added after its neighbour or taken
out with its lines. A node with merge keys or other things that cannot be changed in part is written anew as a whole.
What an alias stands for must not change with its anchor: such aliases are written out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eksauth.kubeconfig import emit
from eksauth.kubeconfig.align import align
from eksauth.kubeconfig.emit import Style
from eksauth.kubeconfig.nodes import Alias, Mapping, Node, Scalar, Sequence, children
from eksauth.kubeconfig.style import line_end, line_indent, line_start, own_line_indent
from eksauth.kubeconfig.tree import Values, same
from eksauth.kubeconfig.values import is_merge, key_text


@dataclass(frozen=True, slots=True)
class Splice:
    """Replace the characters from ``start`` to ``end`` by ``text``."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a node hangs.

    :ivar kind: ``key`` (after ``key:``), ``dash`` (after ``-``), ``flow`` (inside brackets) or ``root``.
    :ivar after: offset after the ``:`` or ``-``.
    :ivar indent: column of the key or dash, from 0.
    """

    kind: str
    after: int = 0
    indent: int = 0


def splices_for(text: str, root: Mapping, want: dict[str, Any], values: Values, style: Style) -> list[Splice]:
    """Return the splices, in order and without overlap, that make ``root`` say ``want``."""
    touched: set[int] = set()
    while True:
        splicer = _Splicer(text, values, style, touched)
        splicer.reconcile(root, want, Slot("flow" if root.flow else "root"))
        if splicer.touched <= touched:
            return sorted(splicer.splices, key=lambda splice: (splice.start, splice.end))
        touched = touched | splicer.touched


def apply_splices(text: str, splices: list[Splice]) -> str:
    """Return the text with all splices done."""
    parts, position = [], 0
    for splice in splices:
        if splice.start < position:
            raise AssertionError("splices overlap")
        parts += [text[position : splice.start], splice.text]
        position = splice.end
    return "".join([*parts, text[position:]])


class _Splicer:
    def __init__(self, text: str, values: Values, style: Style, expand: set[int]) -> None:
        self.text = text
        self.values = values
        self.style = style
        self.expand = expand
        self.touched: set[int] = set()
        self.splices: list[Splice] = []
        self._stale: dict[int, bool] = {}

    def add(self, start: int, end: int, text: str) -> None:
        self.splices.append(Splice(start, end, text))

    def reconcile(self, node: Node, want: Any, slot: Slot) -> None:
        have = self.values.of(node)
        if isinstance(node, Alias):
            if id(node.target) in self.expand or not same(have, want):
                self.replace(node, want, slot)
            return
        if same(have, want):
            if not self._holds_stale_alias(node):
                return
        elif node.anchor:
            self.touched.add(id(node))
        if isinstance(node, Mapping) and isinstance(want, dict) and want and node.pairs:
            self._mapping(node, want, slot)
        elif isinstance(node, Sequence) and isinstance(want, list) and want and node.items:
            self._sequence(node, want, slot)
        else:
            self.replace(node, want, slot)

    def _holds_stale_alias(self, node: Node) -> bool:
        """Tell whether an alias below ``node`` (not behind one) must be written out."""
        if not self.expand:
            return False
        known = self._stale.get(id(node))
        if known is None:
            if isinstance(node, Alias):
                known = id(node.target) in self.expand
            else:
                known = any(self._holds_stale_alias(child) for child in children(node))
            self._stale[id(node)] = known
        return known

    def _discard(self, node: Node) -> None:
        """Note the anchors that go away with ``node``."""
        if node.anchor and not isinstance(node, Alias):
            self.touched.add(id(node))
        for child in children(node):
            self._discard(child)

    # mappings

    def _mapping(self, node: Mapping, want: dict[str, Any], slot: Slot) -> None:
        have = self.values.of(node)
        merged = any(is_merge(key) for key, _ in node.pairs)
        if merged:
            own = {key_text(key) for key, _ in node.pairs if not is_merge(key)}
            if (
                any(is_merge(key) and self._holds_stale_alias(value) for key, value in node.pairs)
                or have.keys() != want.keys()
                or any(name not in own and not same(have[name], want[name]) for name in have)
            ):
                self.replace(node, want, slot)
                return
        if any(self._is_odd_pair(key, value) for key, value in node.pairs):
            self.replace(node, want, slot)
            return
        last = {key_text(key): value for key, value in node.pairs if not is_merge(key)}
        gone = [(key, value) for key, value in node.pairs if not is_merge(key) and key_text(key) not in want]
        kept = [(key, value) for key, value in node.pairs if is_merge(key) or key_text(key) in want]
        if not kept:
            self.replace(node, want, slot)
            return
        for key, value in kept:
            if not is_merge(key) and last[key_text(key)] is value:
                after = self._after_colon(key, value)
                column = key.column - 1
                self.reconcile(value, want[key_text(key)], Slot("flow" if node.flow else "key", after, column))
        new = {name: value for name, value in want.items() if name not in last and not merged}
        if node.flow:
            self._remove_flow([(key.start, _pair_end(key, value), (key, value) in gone) for key, value in node.pairs])
        else:
            for key, value in gone:
                self._remove_pair(node, key, value)
        for key, value in gone:
            self._discard(key)
            self._discard(value)
        self._add_pairs(node, kept, new)

    def _is_odd_pair(self, key: Node, value: Node) -> bool:
        """Tell whether a pair is written as ``? key``, over several lines, or has no colon."""
        before = self.text[line_start(self.text, key.start) : key.start].rstrip()
        return before.endswith("?") or self._after_colon(key, value) <= 0 or "\n" in self.text[key.start : key.end]

    def _after_colon(self, key: Node, value: Node) -> int:
        found = self.text.find(":", key.end, max(value.start, key.end) + 1)
        return found + 1 if found >= 0 and not self.text[key.end : found].strip() else 0

    def _remove_pair(self, node: Mapping, key: Node, value: Node) -> None:
        start = line_start(self.text, key.start)
        if self.text[start : key.start].strip():  # the first pair of a list item stands behind its dash
            following = next((other for other, _ in node.pairs if other.start > key.start), None)
            end = self._end_of_lines(_pair_end(key, value))
            if following is not None and not self.text[end : following.start].strip():
                end = following.start
                self.add(key.start, end, "")
            else:
                self.add(len(self.text[: key.start].rstrip(" ")), end, "")
        else:
            self._remove_lines(start, _pair_end(key, value))

    def _remove_lines(self, start: int, end: int) -> None:
        """Remove whole lines: with the line break before them, so that a missing last one stays missing."""
        end = self._end_of_lines(end)
        if start == 0:
            while self.text[end : end + 1] == "\r":
                end += 1
            self.add(0, end + (self.text[end : end + 1] == "\n"), "")
            return
        before = start - 1
        if self.text[before - 1 : start] == "\r\n":
            before -= 1
        self.add(before, end, "")

    def _end_of_lines(self, end: int) -> int:
        """Return where the line of the last character before ``end`` ends, a trailing comment included."""
        if end > 0 and self.text[end - 1] in "\r\n":
            end -= 2 if self.text[end - 2 : end] == "\r\n" else 1
            return end
        return line_end(self.text, end)

    def _add_pairs(self, node: Mapping, kept: list[tuple[Node, Node]], new: dict[str, Any]) -> None:
        names = [key_text(key) for key, _ in kept if not is_merge(key)]
        in_order = len(names) == len(kept) and names == sorted(names)
        batches: dict[int, list[tuple[str, Any]]] = {}
        for name, value in sorted(new.items()) if in_order else new.items():
            place = sum(other < name for other in names) if in_order else len(kept)
            batches.setdefault(place, []).append((name, value))
        for place, batch in batches.items():
            if node.flow:
                self._add_flow(kept, place, batch)
            else:
                self._add_block_pairs(kept, place, batch)

    def _add_block_pairs(self, kept: list[tuple[Node, Node]], place: int, batch: list[tuple[str, Any]]) -> None:
        column = kept[0][0].column - 1
        lines = [line for name, value in batch for line in emit.pair(name, value, self.style)]
        if place == 0:
            self._put_before(kept[0][0].start, column, lines)
        else:
            key, value = kept[place - 1]
            self._put_after(_pair_end(key, value), column, lines, value)

    def _put_before(self, offset: int, column: int, lines: list[str]) -> None:
        separator = self.style.newline + " " * column
        self.add(offset, offset, separator.join(lines) + separator)

    def _put_after(self, end: int, column: int, lines: list[str], last: Node) -> None:
        while not isinstance(last, Scalar) and (inner := list(children(last))):
            last = inner[-1]
        header = line_end(self.text, last.start)
        if isinstance(last, Scalar) and last.style in {"|", ">"} and not self.text[last.end :]:
            marker = self.text.find(last.style, last.start, header)
            indicators = self.text[marker : header if "#" not in self.text[marker:header] else marker + 3]
            if "+" not in indicators and "-" not in indicators:  # without a last line break it has none to keep
                self.add(marker + 1, marker + 1, "-")
        separator = self.style.newline + " " * column
        at = self._end_of_lines(end)
        self.add(at, at, "".join(separator + line for line in lines))

    # lists

    def _sequence(self, node: Sequence, want: list[Any], slot: Slot) -> None:
        have = [self.values.of(item) for item in node.items]
        steps = align(have, want)
        if all(old is None or new is None for old, new in steps):
            self.replace(node, want, slot)
            return
        dashes = [] if node.flow else self._dashes(node)
        removed = {old for old, new in steps if new is None and old is not None}
        if dashes is None or any(self._shares_line(dashes[index]) for index in removed if not node.flow):
            self.replace(node, want, slot)
            return
        previous: int | None = None
        waiting: list[Any] = []
        for old, new in steps:
            if old is None and new is not None:
                if previous is None:
                    waiting.append(want[new])
                else:
                    self._add_item(node, previous, want[new], dashes)
            elif old is not None and new is not None:
                item = node.items[old]
                if waiting:
                    self._add_items_before(node, old, waiting, dashes)
                    waiting = []
                inner = Slot("flow") if node.flow else Slot("dash", dashes[old] + 1, self._column(dashes[old]))
                self.reconcile(item, want[new], inner)
                previous = old
        for index in removed:
            self._discard(node.items[index])
            if not node.flow:
                self._remove_lines(line_start(self.text, dashes[index]), node.items[index].end)
        if node.flow:
            self._remove_flow([(item.start, item.end, index in removed) for index, item in enumerate(node.items)])

    def _dashes(self, node: Sequence) -> list[int] | None:
        """Return the offsets of the dashes of a block list."""
        first = node.start
        if node.anchor or node.tag:
            first = len(self.text[: node.items[0].start].rstrip(" ")) - 1
        if self.text[first : first + 1] != "-":
            return None
        column = self._column(first)
        found = [first]
        for item in node.items[1:]:
            start = line_start(self.text, item.start)
            while start > found[-1] and (
                self.text[start + column : start + column + 1] != "-" or self.text[start : start + column].strip(" ")
            ):
                start = line_start(self.text, start - 1)
            if start <= found[-1]:
                return None
            found.append(start + column)
        return found

    def _column(self, offset: int) -> int:
        return offset - line_start(self.text, offset)

    def _shares_line(self, dash: int) -> bool:
        return bool(self.text[line_start(self.text, dash) : dash].strip())

    def _item_lines(self, value: Any, gap: str) -> list[str]:
        first, *rest = emit.block(value, self.style)
        return [f"-{gap}{first}", *(f" {' ' * len(gap)}{line}" for line in rest)]

    def _gap(self, node: Sequence, dashes: list[int], index: int) -> str:
        between = self.text[dashes[index] + 1 : node.items[index].start]
        return between if between and not between.strip(" ") else " "

    def _add_item(self, node: Sequence, index: int, value: Any, dashes: list[int]) -> None:
        item = node.items[index]
        if node.flow:
            self._insert_flow(item.end, self._flow_text(value, item.start), item.start)
            return
        lines = self._item_lines(value, self._gap(node, dashes, index))
        self._put_after(item.end, self._column(dashes[index]), lines, item)

    def _add_items_before(self, node: Sequence, index: int, values: list[Any], dashes: list[int]) -> None:
        item = node.items[index]
        if node.flow:
            separator = self._flow_separator(item.start)
            self.add(item.start, item.start, "".join(self._flow_text(v, item.start) + separator for v in values))
            return
        gap = self._gap(node, dashes, index)
        lines = [line for value in values for line in self._item_lines(value, gap)]
        self._put_before(dashes[index], self._column(dashes[index]), lines)

    # flow style

    def _add_flow(self, kept: list[tuple[Node, Node]], place: int, batch: list[tuple[str, Any]]) -> None:
        near = kept[max(0, place - 1)][0]
        indent = own_line_indent(self.text, near.start)
        base = indent if indent is not None else line_indent(self.text, near.start)
        texts = [emit.flow_pair(name, value, self._flow_style(near.start), base) for name, value in batch]
        if place == 0:
            separator = self._flow_separator(near.start)
            self.add(near.start, near.start, "".join(text + separator for text in texts))
            return
        for text in texts:
            self._insert_flow(_pair_end(*kept[place - 1]), text, near.start)

    def _flow_style(self, near: int) -> Style:
        """Return the style for a new neighbour of ``near``: one line for what stands in one line."""
        style = self.style
        if not style.json or own_line_indent(self.text, near) is not None:
            return style
        return Style(style.newline, json=True, unit=None, tight=style.tight)

    def _flow_text(self, value: Any, near: int) -> str:
        return emit.flow(value, self._flow_style(near), line_indent(self.text, near))

    def _flow_separator(self, near: int) -> str:
        indent = own_line_indent(self.text, near)
        if indent is not None:
            return "," + self.style.newline + indent
        return "," if self.style.tight else ", "

    def _insert_flow(self, end: int, text: str, near: int) -> None:
        self.add(end, end, self._flow_separator(near) + text)

    def _remove_flow(self, parts: list[tuple[int, int, bool]]) -> None:
        """Remove parts of a flow collection, each with one comma; at least one part stays."""
        kept_before: int | None = None
        for index, (start, end, gone) in enumerate(parts):
            if not gone:
                kept_before = end
            elif kept_before is None:
                self.add(start, parts[index + 1][0], "")
            else:
                self.add(kept_before if not parts[index - 1][2] else parts[index - 1][1], end, "")

    # whole nodes

    def replace(self, node: Node, want: Any, slot: Slot) -> None:
        """Write ``node`` anew."""
        self._discard(node)
        text = self.text
        if slot.kind == "flow":
            before = text[line_start(text, node.start) : node.start]
            alone = self.style.unit is not None and "{" not in before and "[" not in before
            style = self.style if alone else self._flow_style(node.start)
            new = emit.flow(want, style, line_indent(text, node.start))
            self.add(node.start, node.end, self._spaced(node, new))
            return
        on_line = not any(char in "\r\n" for char in text[slot.after : node.start]) and slot.kind != "root"
        if not emit.is_nested(want):
            like = node.style if isinstance(node, Scalar) else ""
            inline = emit.scalar(want, like=like)
            if on_line:
                self.add(node.start, node.end, self._spaced(node, inline))
            else:
                self.add(slot.after, slot.after, " " + inline)
                self._remove_lines(line_start(text, node.start), node.end)
            return
        if slot.kind == "key":
            self._replace_below_key(node, want, slot, on_line=on_line)
            return
        column = slot.indent + 2 if slot.kind == "dash" and node.end == node.start else node.column - 1
        lines = emit.block(want, self.style)
        self.add(node.start, node.end, self._spaced(node, (self.style.newline + " " * column).join(lines)))

    def _replace_below_key(self, node: Node, want: Any, slot: Slot, *, on_line: bool) -> None:
        indent = self.style.dash if isinstance(want, list) else self.style.step
        column = slot.indent + indent
        lines = [" " * column + line for line in emit.block(want, self.style)]
        if on_line:
            end = self._end_of_lines(node.end)
            if self.text[node.end : end].strip():
                self.add(slot.after, node.end, "")
            else:
                self.add(slot.after, end, "")
            self.add(end, end, "".join(self.style.newline + line for line in lines))
        else:
            self.add(line_start(self.text, node.start), node.end, self.style.newline.join(lines))

    def _spaced(self, node: Node, text: str) -> str:
        """Put a blank before a value that takes the place of nothing."""
        before = self.text[node.start - 1 : node.start]
        return " " + text if node.start == node.end and before in {":", "-"} else text


def _pair_end(key: Node, value: Node) -> int:
    return max(key.end, value.end)
