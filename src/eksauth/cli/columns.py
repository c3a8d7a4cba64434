"""Plain tables for results: columns as wide as they need be, nothing cut off, control characters escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from eksauth.cli.output import one_line


def columns(headings: Sequence[str], rows: Iterable[Sequence[str]], *, gap: str = "   ") -> str:
    """Return a table as text, heading first; an empty cell shows as nothing."""
    # names are nearly always clean; repr of each would cost more than the rest of a long list
    cells = [[cell if cell.isprintable() else one_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(headings, *cells, strict=True)]
    lines = (
        gap.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (headings, *cells)
    )
    return "".join(f"{line}\n" for line in lines)
