"""The benchmark harness measures, compares and writes; what it measures is nobody's test."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from benchmarks.harness import Command, Timing, run_interleaved, scrubbed
from benchmarks.report import peers_sentence, rows_table, timing_table


def test_interleaved_rounds(tmp_path: Path) -> None:
    """Each command runs in every round it is due in, in a scrubbed environment."""
    environ = scrubbed(tmp_path, EXTRA="1")
    assert "PYTHONDONTWRITEBYTECODE" not in environ
    floor = Command("floor", (sys.executable, "-c", "pass"), environ)
    rare = Command("rare", (sys.executable, "-c", "import os; assert os.environ['EXTRA']"), environ, every=2)
    timings = run_interleaved([floor, rare], rounds=3)
    assert (len(timings["floor"].seconds), len(timings["rare"].seconds)) == (3, 2)


def test_failing_command_is_no_measurement(tmp_path: Path) -> None:
    """A command that fails stops the run with its error output."""
    with pytest.raises(RuntimeError, match="oops"):
        run_interleaved([Command("x", (sys.executable, "-c", "raise SystemExit('oops')"), scrubbed(tmp_path))], 1)


def test_tables() -> None:
    """Ratios refer to the floor of the same run, and a budget is judged by the median."""
    timings = {
        "floor": Timing(Command("floor", (), {}), [0.010, 0.010, 0.020]),
        "eksauth ok": Timing(Command("eksauth ok", (), {}, budget=1.25), [0.012, 0.012, 0.5]),
        "eksauth slow": Timing(Command("eksauth slow", (), {}, budget=1.25), [0.013]),
        "peer": Timing(Command("peer", (), {}), [0.120]),
    }
    lines = timing_table(timings, "floor").splitlines()
    assert lines[3] == "| `eksauth ok` | 12.0 | 12.0 | 1.20 | 1.20 | 1.25 | within |"
    assert lines[4].endswith("| 1.30 | 1.30 | 1.25 | **over** |")
    assert "10.0 times faster than `peer`" in peers_sentence(timings, "eksauth ok")
    assert rows_table([{"a": "1", "b": "2"}]).splitlines() == ["| a | b |", "|---|---|", "| 1 | 2 |"]
    assert rows_table([]) == ""
