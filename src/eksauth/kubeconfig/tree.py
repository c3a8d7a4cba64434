"""A document as plain values that lose nothing: what edits work on and what they are checked against.

Numbers and tagged scalars stay the text that was written, so two trees are the same only when a YAML 1.1 and a YAML 1.2
reader would both see the same. A node's value is made once: an edit that leaves a part alone keeps the very object, and
comparing skips it.
"""

from __future__ import annotations

from collections.abc import Mapping as Map
from dataclasses import dataclass
from typing import Any

from eksauth.kubeconfig.nodes import Mapping, Node, Scalar, Sequence, resolve_alias
from eksauth.kubeconfig.values import fields, scalar_value

MAX_VALUES = 5_000_000
"""Values compared at most; aliases multiply them."""


@dataclass(frozen=True, slots=True)
class Raw:
    """A scalar that is neither text, null, truth value nor simple integer: its text, and its tag if it has one."""

    text: str
    tag: str | None = None


class Values:
    """The values of nodes; asking twice for the same node gives the same object."""

    def __init__(self) -> None:
        self._made: dict[int, Any] = {}
        self._nodes: list[Node] = []  # keeps ids from being used again

    def of(self, node: Node) -> Any:
        """Return str, bool, int, None, :class:`Raw`, list or dict; aliases followed, merges done.

        :raises BadValue: for keys that are no text.
        """
        node = resolve_alias(node)
        key = id(node)
        if key in self._made:
            return self._made[key]
        value: Any
        if isinstance(node, Mapping):
            value = {name: self.of(child) for name, (_, child) in fields(node).items()}
        elif isinstance(node, Sequence):
            value = [self.of(item) for item in node.items]
        elif isinstance(node, Scalar):
            value = _scalar(node)
        else:
            value = None
        self._made[key] = value
        self._nodes.append(node)
        return value


def _scalar(node: Scalar) -> Any:
    if node.tag is not None and node.tag != "tag:yaml.org,2002:str":
        return Raw(node.value, node.tag)
    value = scalar_value(node)
    if value is None or isinstance(value, (bool, str)):
        return value
    return value if isinstance(value, int) and str(value) == node.value else Raw(node.value)


def same(left: Any, right: Any) -> bool:
    """Tell whether two values are equal; the order of keys does not matter, ``True`` is not ``1``."""
    if left is right:
        return True
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return len(left) == len(right) and all(key in right and same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(same(*pair) for pair in zip(left, right, strict=True))
    return bool(left == right)


def plain_copy(value: Any) -> Any:
    """Return what a caller gave as values of a tree.

    :raises TypeError: for anything but text, truth values, integers, None, mappings with text keys and lists.
    """
    if value is None or isinstance(value, (str, bool, int, Raw)):
        return value
    if isinstance(value, Map):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("keys of kubeconfig values are text")
        return {key: plain_copy(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_copy(item) for item in value]
    if isinstance(value, float) and value - value == 0:  # finite
        return Raw(repr(value))
    raise TypeError(f"a kubeconfig cannot hold a {type(value).__name__}")
