"""The reference pages name every reason code, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from eksauth.authenticator.rules.order import RULES, TIGHTENINGS

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "src" / "eksauth" / "authenticator"
DOCS = ROOT / "docs" / "reference"
CODE = re.compile(r"\b(token|sts|identity|mapping)\.([a-z][a-z_0-9]*)\b(?!\()")
# default codes of exception classes, always replaced by a more exact one
ABSTRACT = {"token.refused"}
WORDS = {"token.acceptable", "token.refusal", "token.region", "token.unverified_account", "sts.amazonaws"}


def documented(*names: str) -> set[str]:
    """Return the codes in some reference pages."""
    text = "".join((DOCS / name).read_text() for name in names)
    return {match.group() for match in CODE.finditer(text)} - WORDS


def in_source() -> set[str]:
    """Return the codes that our modules write as whole strings."""
    text = "".join(path.read_text() for path in SOURCES.rglob("*.py"))
    return set(re.findall(r'"((?:token|sts|identity|mapping)\.[a-z_0-9]+)"', text)) - ABSTRACT


def test_every_reason_code_is_documented_and_nothing_else() -> None:
    """Each code stands in verify.md or server-config.md, and each code there exists."""
    assert documented("verify.md", "server-config.md") - {"sts.eu", "sts.cn"} == in_source()


@pytest.mark.parametrize("code", sorted(TIGHTENINGS))
def test_every_tightening_is_marked(code: str) -> None:
    """The table of rules marks each code that the reference would let through."""
    rows = [
        line for line in (DOCS / "verify.md").read_text().splitlines() if line.startswith("|") and f"`{code}`" in line
    ]
    assert rows
    assert all(row.rstrip(" |").endswith(("yes", "partly")) for row in rows)


def test_rules_are_documented_in_order() -> None:
    """The table names the rules as the code does, in the order they are judged."""
    rules = (DOCS / "verify.md").read_text().partition("### Hosts")[0]
    assert re.findall(r"^\| `([a-z0-9-]+)` \|", rules, re.MULTILINE) == [rule.name for rule in RULES]
