r"""YAML that libyaml reads and kubectl's parser refuses: a ``%YAML`` version other than 1.1, and ``\/`` in quotes.

JSON writers that escape slashes make the second one, and kubectl then refuses a file that every JSON tool reads.
"""

from __future__ import annotations

import re

from eksauth.kubeconfig.nodes import Node, Scalar, children
from eksauth.kubeconfig.problems import Problem

_VERSION = re.compile(r"^%YAML[ \t]+([^\s#]+)", re.MULTILINE)
_ESCAPED_SLASH = re.compile(r"(?<!\\)(?:\\\\)*\\/")


def dialect_problem(text: str, root: Node | None) -> Problem | None:
    """Return what kubectl's parser refuses although libyaml reads it, or None."""
    if text.lstrip("\ufeff \t\r\n").startswith(("%", "#")) and (problem := _version_problem(text, root)):
        return problem
    if root is None or "\\/" not in text:
        return None
    stack = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, Scalar) and node.style == '"' and _ESCAPED_SLASH.search(text, node.start, node.end):
            hint = r"write / instead of \/; both mean the same in JSON"
            return Problem(node.line, node.column, r"not valid YAML: unknown escape \/", hint, "kubeconfig.yaml")
        stack.extend(children(node))
    return None


def _version_problem(text: str, root: Node | None) -> Problem | None:
    found = _VERSION.search(text, 0, root.start if root is not None else len(text))
    if found is None or found[1] == "1.1":
        return None
    line = text.count("\n", 0, found.start()) + 1
    message = f"not valid YAML for kubectl: version {found[1]}"
    return Problem(line, 1, message, "remove the line; kubectl reads YAML 1.1 only", "kubeconfig.yaml")
