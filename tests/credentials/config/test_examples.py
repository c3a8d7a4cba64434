"""The configurations in the documentation can be used as they are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.credentials.config.kit import judged

DOCS = Path(__file__).parents[3] / "docs"
_BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
EXAMPLES = [
    pytest.param(block, id=f"{path.relative_to(DOCS)}-{number}")
    for path in sorted(DOCS.rglob("*.md"))
    for number, block in enumerate(_BLOCK.findall(path.read_text()))
    if re.search(r"^auth:", block, re.MULTILINE) and "…" not in block
]


def test_there_are_examples() -> None:
    """The pages about signing in are among them."""
    found = {str(one.id).rpartition("-")[0] for one in EXAMPLES}
    assert {f"how-to/{name}.md" for name in ("sign-in-with-sso", "github-actions", "role-chains")} <= found


@pytest.mark.parametrize("text", EXAMPLES)
def test_an_example_has_no_problem(tmp_path: Path, text: str) -> None:
    """Nothing in it is unknown, missing or impossible."""
    assert [problem.message for problem in judged(tmp_path, text) if problem.severity == "error"] == []
