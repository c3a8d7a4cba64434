"""The page that compares us with the reference cannot rot: every id is on it, with a verdict and tests that exist."""

from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "compatibility.md"
NUMBERED = {
    "TOK": 22, "STS": 8, "ID": 7, "FMT": 4, "GEN": 1, "REG": 6, "SR": 6, "DH": 4, "HC": 4, "ARN": 9, "SP": 5, "AL": 14,
    "QM": 6, "CFG": 4, "CERT": 3, "MODE": 5, "FILE": 4, "CM": 17, "CMC": 4, "CRD": 3, "DYN": 15, "FU": 3, "SRV": 16,
    "TPL": 7, "EC2": 4, "RL": 4, "INT": 1, "E2E": 8, "CACHE": 14,
}  # fmt: skip
"""Family -> how many behaviours of the reference it has."""
NAMED = ("HOST-aws", "HOST-global", "HOST-gov", "HOST-any", "HOST-own")
IDS = frozenset(f"{family}-{n:02}" for family, count in NUMBERED.items() for n in range(1, count + 1)).union(NAMED)
_ID = re.compile(rf"\b(?:({'|'.join(NUMBERED)})-(\d\d)(?:(?:\.\.| to |…)(\d\d))?(?!\d)|HOST-[a-z]+)")
VERDICTS = ("same", "**different**", "**not here**")


@dataclass(frozen=True)
class Row:
    """One line of a table."""

    line: int
    ids: tuple[str, ...]
    verdict: str
    why: str
    tests: tuple[str, ...]


def ids_in(text: str) -> list[str]:
    """Return the ids in a text, ranges spelled out."""
    found = []
    for match in _ID.finditer(text):
        family, first, last = match.groups()
        if family is None:
            found.append(match.group())
        else:
            found += [f"{family}-{n:02}" for n in range(int(first), int(last or first) + 1)]
    return found


def rows() -> list[Row]:
    """Return the lines of all tables of the page."""
    found = []
    for number, line in enumerate(PAGE.read_text().splitlines(), 1):
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if not line.startswith("|") or cells[0] == "Id" or set(line) <= set("|-"):
            continue
        assert len(cells) == 4, f"line {number} has {len(cells)} cells"
        verdict = next((verdict for verdict in VERDICTS if cells[2].startswith(verdict)), "")
        tests = tuple(re.findall(r"`([^`]+)`", cells[3]))
        found.append(Row(number, tuple(ids_in(cells[0])), verdict, cells[2].removeprefix(verdict), tests))
    return found


@cache
def module(path: str) -> ast.Module | None:
    """Return a test module, None when there is none."""
    file = ROOT / "tests" / path
    return ast.parse(file.read_text()) if file.is_file() else None


@cache
def carried(path: str) -> frozenset[str]:
    """Return the ids that the tests of a module carry in parameters or first sentences."""
    tree = module(path)
    texts = [
        node.value
        for node in ast.walk(tree or ast.Module([], []))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    return frozenset(one for text in texts for one in ids_in(text))


def functions(path: str) -> set[str]:
    """Return the tests of a module."""
    tree = module(path)
    return {
        node.name
        for node in ast.walk(tree or ast.Module([], []))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_every_id_is_on_the_page_once() -> None:
    """None is missing, none is there twice, and none is invented."""
    counts = Counter(one for row in rows() for one in row.ids)
    assert IDS - set(counts) == set()
    assert set(counts) - IDS == set()
    assert [one for one, count in counts.items() if count > 1] == []


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row.line}-{'-'.join(row.ids[:1])}")
def test_each_line_is_backed(row: Row) -> None:
    """A verdict, a reason where it is not same, and tests that exist and carry the id or are named themselves."""
    assert row.verdict, "no verdict"
    if row.verdict != "same":
        assert row.why.startswith(": ")
        assert len(row.why) > 5, "a difference needs its reason"
    assert bool(row.tests) is (row.verdict != "**not here**")
    for test in row.tests:
        path, _, function = test.partition("::")
        assert module(path) is not None, f"there is no tests/{path}"
        if function:
            assert function in functions(path), f"there is no {test}"
        else:
            assert set(row.ids) <= carried(path), f"no test of {path} carries {row.ids}"


def test_ids_in_tests_are_ids() -> None:
    """A test cannot carry an id that the reference does not have, or one that the page says is not here."""
    absent = {one for row in rows() if row.verdict == "**not here**" for one in row.ids}
    for path in sorted((ROOT / "tests").rglob("*.py")):
        if path.name != Path(__file__).name:
            found = carried(str(path.relative_to(ROOT / "tests")))
            assert found <= IDS, f"{path.name}: {sorted(found - IDS)}"
            assert not found & absent, f"{path.name} tests what the page says is not here: {sorted(found & absent)}"
