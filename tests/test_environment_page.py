"""The page about environment variables names those that the code names, and no others."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "reference" / "environment-variables.md"
NOT_READING = {"sandbox/launcher.py", "kubeconfig/redacted_text.py"}
"""One names what child processes may see, the other what is no secret; neither reads anything."""
_NAME = re.compile(
    r"(AWS|EKSAUTH|ATMOS|KUBEBUILDER|KUBERNETES|TEST_ASSET|XDG|BOTO|_EKSAUTH)_[A-Z0-9_]+|KUBECONFIG|(HTTPS?|NO)_PROXY"
)


def _sources() -> Iterator[ast.Module]:
    home = ROOT / "src" / "eksauth"
    for path in sorted(home.rglob("*.py")):
        inside = path.relative_to(home)
        if inside.as_posix() not in NOT_READING:
            yield ast.parse(path.read_text())


def _looked_up(node: ast.AST) -> ast.expr | None:
    """Return what is looked up in an environment: ``environ[…]``, ``environ.get(…)``, ``… in environ``."""
    if isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith("environ"):
        return node.slice
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
        lookup = node.func.attr in {"get", "pop", "setdefault"} and ast.unparse(node.func.value).endswith("environ")
        return node.args[0] if lookup else None
    if isinstance(node, ast.Compare) and ast.unparse(node.comparators[0]).endswith("environ"):
        return node.left
    return None


def _names_in_code() -> set[str]:
    found = set()
    for tree in _sources():
        for node in ast.walk(tree):
            looked_up = _looked_up(node)
            if isinstance(looked_up, ast.Constant) and isinstance(looked_up.value, str):
                found.add(looked_up.value)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _NAME.fullmatch(node.value):
                found.add(node.value)
    return found


def test_the_page_and_the_code_agree() -> None:
    """A variable that is read is on the page, and one that is on the page is read."""
    on_page = set(re.findall(r"`([A-Z0-9_]{4,})`", PAGE.read_text()))
    in_code = _names_in_code()

    assert len(in_code) > 40
    assert sorted(in_code - on_page) == []
    assert sorted(on_page - in_code) == []
