"""Composing YAML nodes from libyaml's events, one by one.

PyYAML's own composer calls itself for every level of nesting: in C that ends in a crash of the process for a few
hundred kilobytes of ``[``. This one keeps its own stack and stops at a depth that no configuration needs.
"""

from __future__ import annotations

from typing import Any

import yaml

MAX_DEPTH = 100
_MAP = "tag:yaml.org,2002:map"
_SEQ = "tag:yaml.org,2002:seq"
_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def compose_first(text: str) -> yaml.Node | None:
    """Return the root node of the first document in ``text``; later documents are not looked at.

    :raises yaml.YAMLError: for text that is not YAML, nests deeper than :data:`MAX_DEPTH`, or uses an unknown alias.
    """
    loader = _Loader(text)
    try:
        return _compose(loader)
    finally:
        loader.dispose()


def _compose(loader: Any) -> yaml.Node | None:
    anchors: dict[str, yaml.Node] = {}
    stack: list[yaml.SequenceNode | yaml.MappingNode] = []
    keys: list[yaml.Node | None] = []
    root: yaml.Node | None = None
    while True:
        event = loader.get_event()
        start: Any = event.start_mark
        if isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
            stack.pop()
            keys.pop()
        elif isinstance(event, yaml.NodeEvent):
            node = _node(loader, event, anchors)
            if stack:
                _put(stack[-1], keys, node)
            else:
                root = node
            if isinstance(event, yaml.CollectionStartEvent):
                if len(stack) >= MAX_DEPTH:
                    raise yaml.MarkedYAMLError(problem="nested too deeply", problem_mark=start)
                stack.append(node)
                keys.append(None)
        elif isinstance(event, (yaml.DocumentEndEvent, yaml.StreamEndEvent)):
            return root


def _put(parent: yaml.SequenceNode | yaml.MappingNode, keys: list[yaml.Node | None], node: yaml.Node) -> None:
    if isinstance(parent, yaml.SequenceNode):
        parent.value.append(node)
    elif keys[-1] is None:
        keys[-1] = node
    else:
        parent.value.append((keys[-1], node))
        keys[-1] = None


def _node(loader: Any, event: Any, anchors: dict[str, yaml.Node]) -> Any:
    start, end = event.start_mark, event.end_mark
    if isinstance(event, yaml.AliasEvent):
        if event.anchor not in anchors:
            raise yaml.MarkedYAMLError(problem="an alias without its anchor", problem_mark=start)
        return anchors[event.anchor]
    node: yaml.Node
    if isinstance(event, yaml.ScalarEvent):
        tag = event.tag
        if tag is None or tag == "!":
            tag = loader.resolve(yaml.ScalarNode, event.value, event.implicit)
        node = yaml.ScalarNode(tag, event.value, start, end, style=event.style)
    elif isinstance(event, yaml.SequenceStartEvent):
        node = yaml.SequenceNode(event.tag or _SEQ, [], start, end)
    else:
        node = yaml.MappingNode(getattr(event, "tag", None) or _MAP, [], start, end)
    if event.anchor is not None:
        anchors[event.anchor] = node
    return node
