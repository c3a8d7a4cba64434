"""The results as Markdown, for the terminal and for ``docs/benchmarks.md``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.harness import Timing

HEAD = """# Benchmarks

Written by `make bench` (`python -m benchmarks`). The numbers that count are the ratios: all commands of a table run
interleaved, in random order, in one run on one machine, in an environment with nothing in it but a home and a path.
eksauth is the built wheel, installed by pip 25.2 or newer into a fresh virtual environment. The floor,
`python -c pass`, is an empty interpreter of that environment, and a budget is a ratio to it.

"""


def timing_table(timings: Mapping[str, Timing], floor: str) -> str:
    """Return a table of medians, minima and ratios."""
    base = timings[floor]
    lines = [
        "| command | median ms | fastest ms | x floor | x floor, fastest | budget | |",
        "|---|--:|--:|--:|--:|--:|---|",
    ]
    for name, timing in timings.items():
        ratio, fastest = timing.median / base.median, timing.fastest / base.fastest
        budget = timing.command.budget
        verdict = "" if budget is None else ("within" if ratio <= budget else "**over**")
        lines.append(
            f"| `{name}` | {timing.median * 1000:.1f} | {timing.fastest * 1000:.1f} | {ratio:.2f} | {fastest:.2f} "
            f"| {'' if budget is None else f'{budget:.2f}'} | {verdict} |"
        )
    return "\n".join(lines) + "\n"


def rows_table(rows: Sequence[Mapping[str, str]]) -> str:
    """Return a table of ready-made rows, all with the keys of the first."""
    if not rows:
        return ""
    columns = list(rows[0])
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    lines += [f"| {' | '.join(row[column] for column in columns)} |" for row in rows]
    return "\n".join(lines) + "\n"


def peers_sentence(timings: Mapping[str, Timing], ours: str) -> str:
    """Say how many times faster ``ours`` is than each peer in the table."""
    parts = [
        f"{timing.median / timings[ours].median:.1f} times faster than `{name}`"
        for name, timing in timings.items()
        if not name.startswith(("eksauth", "python"))
    ]
    return f"`{ours}` is {' and '.join(parts)}.\n" if parts else "No peer was found on this machine.\n"
